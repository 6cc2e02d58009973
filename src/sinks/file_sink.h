// A file, or standard output.
#pragma once

#include <memory>

#include "os/fd.h"
#include "sinks/sink.h"

namespace sonde::sinks {

class FileSink final : public Sink {
 public:
  enum class Mode : unsigned char {
    kReplace,  // an empty file
    kAppend,   // go on behind what is there; a torn last line (a crash cut it) is taken off first
  };
  // path "-": standard output, which is never truncated.
  static Result<std::unique_ptr<FileSink>> open(const std::string& path, Mode mode);

  Result<> write(std::span<const std::string> pieces) override;
  Result<> sync() override;
  // True when nothing was in it at open: a header belongs first.
  bool was_empty() const { return was_empty_; }

 private:
  FileSink(os::Fd fd, bool regular, bool was_empty) : fd_(std::move(fd)), regular_(regular), was_empty_(was_empty) {}
  os::Fd fd_;
  bool regular_;
  bool was_empty_;
};

}  // namespace sonde::sinks
