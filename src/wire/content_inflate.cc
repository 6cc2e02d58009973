#include "wire/content_inflate.h"

#include <brotli/decode.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

#include "wire/ascii.h"

namespace sonde::wire {

// One coding. Takes bytes off the front of `in` and writes what comes of them to `out`; called again while there are
// bytes left or the window was filled.
class ContentInflate::Stage {
 public:
  enum class Step : std::uint8_t { kGoesOn, kEnd, kError };
  struct Turn {
    Step step;
    std::size_t written;
  };
  virtual ~Stage() = default;
  virtual Turn turn(std::span<const std::byte>& in, std::span<std::byte> out) = 0;
  virtual bool complete() const = 0;
  virtual const char* name() const = 0;
  virtual const char* error() const = 0;  // a literal of the library, or of this file

  std::uint64_t produced = 0;
  bool over = false;  // it came to its end, and what follows is ignored, whatever it looks like
};

namespace {

constexpr std::size_t kWindow = 16384;
constexpr std::size_t kSlack = 65536;  // what a stage before the last may give beyond twice the cap
constexpr int kZstdWindowLog = 23;     // 8 MiB (RFC 9659)
// For br a window of 8 MiB, the one of 4 MiB that it grows from, and tables.
constexpr std::size_t kBrotliMemory = std::size_t{14} << 20;

using Stage = ContentInflate::Stage;
using Step = Stage::Step;

class ZlibStage : public Stage {
 public:
  // gzip: one member after another (RFC 1952, 2.2). Else "deflate": zlib, or raw when the first two bytes are no zlib
  // header (RFC 1950, 2.2).
  explicit ZlibStage(bool gzip) : gzip_(gzip) {}
  ~ZlibStage() override {
    if (started_) inflateEnd(&stream_);
  }

  Turn turn(std::span<const std::byte>& in, std::span<std::byte> out) override {
    if (ended_ && !next_member(in)) return {gzip_ && in.empty() ? Step::kGoesOn : Step::kEnd, 0};
    if (!started_ && !start(in)) return {error_ == nullptr ? Step::kGoesOn : Step::kError, 0};
    if (held_given_ < held_) {  // the bytes that told zlib from raw
      std::span<const std::byte> held = std::span<const std::byte>(hold_).subspan(held_given_, held_ - held_given_);
      const Turn turn = inflate_some(held, out);
      held_given_ = static_cast<std::uint8_t>(held_ - held.size());
      if (turn.step != Step::kGoesOn || turn.written > 0) return turn;
    }
    return inflate_some(in, out);
  }
  bool complete() const override { return ended_; }
  const char* name() const override { return gzip_ ? "gzip" : "deflate"; }
  const char* error() const override { return error_ == nullptr ? "broken data" : error_; }

 private:
  // In a gzip file another member may follow. What is no member is ignored, as gzip itself does.
  bool next_member(std::span<const std::byte>& in) {
    constexpr std::byte kMagic{0x1f};
    if (!gzip_ || in.empty() || in.front() != kMagic) return false;
    ended_ = false;
    return inflateReset(&stream_) == Z_OK;
  }

  bool start(std::span<const std::byte>& in) {
    int window_bits = 15 + 16;  // gzip alone
    if (!gzip_) {
      while (held_ < hold_.size() && !in.empty()) {
        hold_[held_++] = in.front();
        in = in.subspan(1);
      }
      const auto first = std::to_integer<unsigned>(hold_[0]);
      const bool may_be_zlib = (first & 0x0f) == 8 && first >> 4 <= 7;
      if (held_ == 0 || (held_ == 1 && may_be_zlib)) return false;
      const bool zlib = may_be_zlib && (first << 8 | std::to_integer<unsigned>(hold_[1])) % 31 == 0;
      window_bits = zlib ? 15 : -15;
    }
    started_ = inflateInit2(&stream_, window_bits) == Z_OK;
    if (!started_) error_ = "no memory";
    return started_;
  }

  Turn inflate_some(std::span<const std::byte>& in, std::span<std::byte> out) {
    const std::size_t offered = std::min<std::size_t>(in.size(), std::numeric_limits<uInt>::max());
    // zlib's next_in points to const only when ZLIB_CONST is defined; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<uInt>(offered);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    in = in.subspan(offered - stream_.avail_in);
    const std::size_t written = out.size() - stream_.avail_out;
    if (result == Z_STREAM_END) {
      ended_ = true;
      return {gzip_ ? Step::kGoesOn : Step::kEnd, written};
    }
    if (result == Z_OK || result == Z_BUF_ERROR) return {Step::kGoesOn, written};
    error_ = result == Z_NEED_DICT ? "it needs a dictionary" : result == Z_MEM_ERROR ? "no memory" : stream_.msg;
    return {Step::kError, written};
  }

  z_stream stream_{};
  const char* error_ = nullptr;
  std::array<std::byte, 2> hold_{};
  std::uint8_t held_ = 0;
  std::uint8_t held_given_ = 0;
  bool gzip_;
  bool started_ = false;
  bool ended_ = false;
};

// Memory for one brotli decoder, with a bound. The size of each block stands in front of it.
class BrotliMemory {
 public:
  static void* allocate(void* self, std::size_t size) { return static_cast<BrotliMemory*>(self)->take(size); }
  static void release(void* self, void* block) {
    if (block != nullptr) static_cast<BrotliMemory*>(self)->give_back(block);
  }
  bool refused() const { return refused_; }

 private:
  static constexpr std::size_t kFront = alignof(std::max_align_t);

  void* take(std::size_t size) {
    if (size > kBrotliMemory - taken_) {
      refused_ = true;
      return nullptr;
    }
    auto* block = static_cast<std::byte*>(std::malloc(kFront + size));
    if (block == nullptr) return nullptr;
    std::memcpy(block, &size, sizeof size);
    taken_ += size;
    return block + kFront;
  }
  void give_back(void* memory) {
    std::byte* block = static_cast<std::byte*>(memory) - kFront;
    std::size_t size = 0;
    std::memcpy(&size, block, sizeof size);
    taken_ -= size;
    std::free(block);
  }

  std::size_t taken_ = 0;
  bool refused_ = false;
};

class BrotliStage : public Stage {
 public:
  Turn turn(std::span<const std::byte>& in, std::span<std::byte> out) override {
    if (decoder_ == nullptr) return {Step::kError, 0};
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out.data());
    const BrotliDecoderResult result =
        BrotliDecoderDecompressStream(decoder_.get(), &in_left, &next_in, &out_left, &next_out, nullptr);
    in = in.subspan(in.size() - in_left);
    ended_ = result == BROTLI_DECODER_RESULT_SUCCESS;
    const Step step = ended_ ? Step::kEnd : result == BROTLI_DECODER_RESULT_ERROR ? Step::kError : Step::kGoesOn;
    return {step, out.size() - out_left};
  }
  bool complete() const override { return ended_; }
  const char* name() const override { return "br"; }
  const char* error() const override {
    if (decoder_ == nullptr) return "no memory";
    if (memory_.refused()) return "its window is larger than 8 MiB";
    return BrotliDecoderErrorString(BrotliDecoderGetErrorCode(decoder_.get()));
  }

 private:
  struct Destroy {
    void operator()(BrotliDecoderState* decoder) const { BrotliDecoderDestroyInstance(decoder); }
  };
  BrotliMemory memory_;  // outlives the decoder
  std::unique_ptr<BrotliDecoderState, Destroy> decoder_{
      BrotliDecoderCreateInstance(BrotliMemory::allocate, BrotliMemory::release, &memory_)};
  bool ended_ = false;
};

class ZstdStage : public Stage {
 public:
  ZstdStage() {
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
  }

  Turn turn(std::span<const std::byte>& in, std::span<std::byte> out) override {
    if (context_ == nullptr) return {Step::kError, 0};
    if (in.empty() && place_ != Place::kInFrame) return {Step::kGoesOn, 0};
    if (place_ != Place::kInFrame && !begins_frame(in.front())) {
      error_ = "not a frame of zstd";
      return {place_ == Place::kBegin ? Step::kError : Step::kEnd, 0};
    }
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &to, &from);
    in = in.subspan(from.pos);
    if (ZSTD_isError(result) != 0) {
      error_ = ZSTD_getErrorName(result);
      return {Step::kError, 0};
    }
    place_ = result == 0 ? Place::kBehindFrame : Place::kInFrame;
    return {Step::kGoesOn, to.pos};
  }
  bool complete() const override { return place_ == Place::kBehindFrame; }
  const char* name() const override { return "zstd"; }
  const char* error() const override { return error_; }

 private:
  enum class Place : std::uint8_t { kBegin, kInFrame, kBehindFrame };

  // Frames, skippable ones too, may follow one another (RFC 8878, 3.1): their magic numbers begin so. Those of zstd
  // before 0.8 do not: the library would decode these formats without any bound on windows, and counts bytes as
  // written that are not when they are broken.
  static bool begins_frame(std::byte first) {
    return first == std::byte{0x28} || (first & std::byte{0xf0}) == std::byte{0x50};
  }
  struct Destroy {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Destroy> context_{ZSTD_createDCtx()};
  const char* error_ = "no memory";
  Place place_ = Place::kBegin;
};

std::unique_ptr<Stage> make_stage(std::string_view coding) {
  if (equal_fold(coding, "gzip") || equal_fold(coding, "x-gzip")) return std::make_unique<ZlibStage>(true);
  if (equal_fold(coding, "deflate")) return std::make_unique<ZlibStage>(false);
  if (equal_fold(coding, "br")) return std::make_unique<BrotliStage>();
  if (equal_fold(coding, "zstd")) return std::make_unique<ZstdStage>();
  return nullptr;
}

}  // namespace

std::expected<std::unique_ptr<ContentInflate>, const char*> ContentInflate::create(std::string_view codings,
                                                                                   std::uint64_t cap) {
  std::unique_ptr<ContentInflate> inflater(new ContentInflate(cap));
  const char* error = nullptr;
  for_each_item(codings, [&](std::string_view coding) {
    if (error != nullptr || coding.empty() || equal_fold(coding, "identity")) return;
    if (inflater->stages_.size() == kMostCodings) {
      error = "more than three content codings";
      return;
    }
    inflater->stages_.push_back(make_stage(coding));
    if (inflater->stages_.back() == nullptr) error = "a content coding that is not known";
  });
  if (error != nullptr) return std::unexpected(error);
  std::ranges::reverse(inflater->stages_);
  return inflater;
}

ContentInflate::ContentInflate(std::uint64_t cap) : cap_(cap) {}
ContentInflate::~ContentInflate() = default;

bool ContentInflate::complete() const {
  return state_ != State::kError && state_ != State::kCapped &&
         std::ranges::all_of(stages_, [](const auto& stage) { return stage->complete(); });
}

ContentInflate::State ContentInflate::feed(std::span<const std::byte> in, const Sink& sink) {
  if (state_ != State::kMore || in.empty()) return state_;
  return state_ = stages_.empty() ? give(in, sink) : feed_stage(0, in, sink);
}

ContentInflate::State ContentInflate::give(std::span<const std::byte> out, const Sink& sink) {
  const std::uint64_t room = cap_ - produced_;
  const auto allowed = out.first(std::min<std::uint64_t>(room, out.size()));
  produced_ += allowed.size();
  if (!allowed.empty()) sink(allowed);
  return allowed.size() < out.size() ? State::kCapped : State::kMore;
}

// What a stage writes is what the next one reads; kEnd of a later one leaves the earlier ones to read their own ends.
// Encoded data are hardly longer than what they stand for: where a stage before the last gives far more than the cap,
// they are a bomb that would come to nothing.
ContentInflate::State ContentInflate::feed_stage(std::size_t index, std::span<const std::byte> in, const Sink& sink) {
  Stage& stage = *stages_[index];
  if (stage.over) return State::kEnd;
  const bool last = index + 1 == stages_.size();
  std::array<std::byte, kWindow> window;  // NOLINT: written before it is read
  while (true) {
    const std::size_t before = in.size();
    const Stage::Turn turn = stage.turn(in, window);
    if (turn.written > 0) {
      const auto out = std::span<const std::byte>(window).first(turn.written);
      const State state = last ? give(out, sink) : feed_stage(index + 1, out, sink);
      if (state == State::kCapped || state == State::kError) return state;
      stage.produced += turn.written;
      if (!last && stage.produced > kSlack && (stage.produced - kSlack) / 2 > cap_) return State::kCapped;
    }
    if (turn.step == Step::kError) {
      error_ = fmt::format("{}: {}", stage.name(), stage.error());
      return State::kError;
    }
    stage.over = turn.step == Step::kEnd;
    if (stage.over) return State::kEnd;
    const bool idle = turn.written == 0 && in.size() == before;
    if (idle || (in.empty() && turn.written < window.size())) return State::kMore;
  }
}

}  // namespace sonde::wire
