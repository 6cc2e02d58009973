# Half of what a source costs is the parsing of the standard library. The tests, and the sanitizers' builds of all, parse
# it once; the release build of src/ does not, so that each source there shows what it includes, to compilers and linters.
# Not <filesystem>: it brings std::quoted, which is found for a std::string beside the house's own.
set(SONDE_STANDARD_HEADERS <algorithm> <array> <atomic> <charconv> <chrono> <deque> <functional> <map> <memory>
    <mutex> <optional> <set> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h>)

# sonde_parsed_once(TARGET KIND headers...)  The first target of a kind builds what all of the kind share: they are
# compiled with the same options.
function(sonde_parsed_once target kind)
  target_link_libraries(${target} PRIVATE fmt::fmt)  # whose definitions the shared header was parsed with
  # Some libraries ask for -pthread; the others are what ccache needs.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -pthread -fpch-preprocess)
  else()
    target_compile_options(${target} PRIVATE -pthread "SHELL:-Xclang -fno-pch-timestamp")
  endif()
  get_property(first GLOBAL PROPERTY sonde_parsed_by_${kind})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${SONDE_STANDARD_HEADERS} ${ARGN})
    set_property(GLOBAL PROPERTY sonde_parsed_by_${kind} ${target})
  endif()
endfunction()
