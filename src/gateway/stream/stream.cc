#include "gateway/stream/stream.h"

#include <algorithm>

namespace sonde::gateway {
namespace {

constexpr metrics::Family kViewers{"sonde_stream_viewers", "Viewers of the stream of frames"};
constexpr metrics::Family kEncoded{"sonde_stream_frames_encoded_total",
                                   "Frames that were made; one that many viewers are sent counts once",
                                   metrics::Type::kCounter};
constexpr Nanos kLately = 3600 * kSecond;  // transitions in the first picture
constexpr Nanos kRateSpan = 10 * kSecond;  // of runs a second

}  // namespace

// What one viewer was sent. Its members are the stream's, but for next_.
class Stream::Viewer final : public FrameSource {
 public:
  explicit Viewer(Stream& stream) : stream_(stream) {}
  ~Viewer() override { stream_.leave(); }
  Viewer(const Viewer&) = delete;
  Viewer& operator=(const Viewer&) = delete;

  Bytes next(Nanos now) override { return stream_.next(*this, now); }
  Nanos next_time() const override { return next_; }

 private:
  friend class Stream;
  // A part of the first picture: the mirror's places up to `end`, as they were at its number.
  struct Part {
    std::size_t end;
    std::uint64_t number;
  };

  // Up to which number this place's changes were told.
  std::uint64_t told(StreamMirror::Slot slot) const {
    const auto part = std::ranges::upper_bound(picture_, std::size_t{slot}, {}, &Part::end);
    return part == picture_.end() ? settled_ : part->number;
  }

  bool had_all(std::uint64_t up_to) const {
    return !in_picture_ && picture_.empty() && settled_ == up_to && seen_ == up_to;
  }
  // False: it knows the group.
  bool learn(std::uint32_t group) {
    if (groups_.size() <= group) groups_.resize(group + 1);
    const bool fresh = !groups_[group];
    groups_[group] = true;
    return fresh;
  }

  Stream& stream_;
  Nanos next_ = 0;
  std::uint64_t mirror_ = 0;  // which one it sees; 0: none as yet
  std::uint64_t sequence_ = 0, tick_ = 0;
  bool in_picture_ = false;
  std::size_t planned_ = 0, pictured_ = 0;  // checks of the picture, and how many were sent
  std::vector<Part> picture_;               // until what changed meanwhile is told too
  // All changes up to settled_ were told, but for places of the picture. While a viewer is behind, those up to seen_ of
  // checks that did not change again, too.
  std::uint64_t settled_ = 0, seen_ = 0;
  std::uint64_t transitions_ = 0;
  std::vector<bool> groups_;  // that it knows, by index
};

Stream::Stream(std::span<const std::unique_ptr<CheckBook>> books, std::function<StreamFacts(Nanos now)> facts,
               StreamOptions options)
    : books_(books), facts_of_(std::move(facts)), options_(options) {}

Stream::~Stream() = default;

std::shared_ptr<FrameSource> Stream::open() {
  ++viewers_;
  return std::make_shared<Viewer>(*this);
}

void Stream::leave() {
  std::unique_ptr<StreamMirror> gone;  // destroyed without the lock
  const std::scoped_lock lock(mutex_);
  if (--viewers_ > 0) return;
  gone = std::move(mirror_);
  ended_.clear();
}

void Stream::sample(metrics::Samples& out) const {
  out.add(kViewers, viewers_.load(std::memory_order_relaxed));
  out.add(kEncoded, static_cast<double>(encoded_.load(std::memory_order_relaxed)));
}

Stream::Bytes Stream::next(Viewer& viewer, Nanos now) {
  const std::scoped_lock lock(mutex_);
  advance(now);
  const bool begins = viewer.mirror_ != mirrors_ || viewer.seen_ < mirror_->forgotten();
  if (!begins && viewer.had_all(mirror_->number()) && viewer.tick_ == tick_) {
    viewer.next_ = due_;
    return nullptr;
  }
  frame_groups_.clear();
  std::string frame;
  if (!begins && viewer.had_all(from_) && viewer.tick_ + ticks_ == tick_) {
    make_shared(viewer);
    frame = StreamFrame::numbered(++viewer.sequence_, shared_);
  } else {
    frame_.begin(facts_.unix_now + (now - tick_at_), tick_ - viewer.tick_);
    if (begins || viewer.in_picture_) {
      make_picture(viewer, begins);
    } else {
      make_owed(viewer, options_.most_owed);
    }
    ++encoded_;
    frame = StreamFrame::numbered(++viewer.sequence_, frame_.end());
  }
  viewer.tick_ = tick_;
  viewer.next_ = viewer.had_all(mirror_->number()) ? due_ : now;
  return std::make_shared<const std::string>(std::move(frame));
}

// The tick, if it is time for one.
void Stream::advance(Nanos now) {
  if (mirror_ && now < due_) return;
  ticks_ = due_ == 0 || now < due_ ? 1 : 1 + static_cast<std::uint64_t>((now - due_) / options_.tick);
  tick_ += ticks_;
  due_ = mirror_ && due_ != 0 ? due_ + static_cast<Nanos>(ticks_) * options_.tick : now + options_.tick;
  tick_at_ = now;
  shared_.clear();
  if (mirror_) {
    from_ = mirror_->number();
    if (!mirror_->take_changes()) mirror_.reset();
  }
  facts_ = facts_at(now);
  if (mirror_) return;
  mirror_ = std::make_unique<StreamMirror>(books_, options_.mirror, facts_.unix_now - kLately);
  ++mirrors_;
}

StreamFacts Stream::facts_at(Nanos now) {
  StreamFacts facts = facts_of_(now);
  for (const std::unique_ptr<CheckBook>& book : books_) {
    facts.counts.add(book->counts());
    book->gather_lateness(now, facts.late_us);
  }
  facts.viewers = viewers_.load(std::memory_order_relaxed);
  facts.runs_per_second = runs_per_second(now, facts);
  return facts;
}

// Over the last ten seconds; for the first viewer's first look over the minute that the lateness tells of.
double Stream::runs_per_second(Nanos now, const StreamFacts& facts) {
  ended_.emplace_back(now, facts.counts.ended);
  while (ended_.size() > 2 && now - ended_[1].first >= kRateSpan) ended_.pop_front();
  const auto& [from, runs] = ended_.front();
  if (now > from) return static_cast<double>(facts.counts.ended - runs) * kSecond / static_cast<double>(now - from);
  const Nanos span = std::min(RecentLateness::span(now), facts.unix_now - facts.started);
  return span <= 0 ? 0 : static_cast<double>(facts.late_us.total()) * kSecond / static_cast<double>(span);
}

// As much of a check as a viewer lacks that was told of it up to number `told`.
void Stream::add_check(Viewer& viewer, const StreamMirror::Place& place, std::uint64_t told) {
  if (place.terms <= told && place.before <= told) return frame_.add_check(place.known);
  if (viewer.learn(place.group)) {
    frame_.add_group(place.group, *mirror_->group(place.group).of);
    frame_groups_.push_back(place.group);
  }
  frame_.add_whole_check(place.known, place.group);
}

void Stream::make_picture(Viewer& viewer, bool first) {
  if (first) {
    viewer.mirror_ = mirrors_;
    viewer.in_picture_ = true;
    viewer.planned_ = mirror_->checks();
    viewer.pictured_ = 0;
    viewer.picture_.clear();
    viewer.groups_.clear();
    viewer.settled_ = viewer.seen_ = mirror_->number();
    frame_.set(facts_);
  }
  std::size_t at = viewer.picture_.empty() ? 0 : viewer.picture_.back().end;
  mirror_->fill(at + options_.picture_piece);
  const std::size_t end = std::min(at + options_.picture_piece, mirror_->places().size());
  for (; at < end; ++at) {
    const StreamMirror::Place& place = mirror_->places()[at];
    if (place.group == 0) continue;
    add_check(viewer, place, 0);
    ++viewer.pictured_;
  }
  viewer.picture_.push_back({.end = end, .number = mirror_->number()});
  if (end < mirror_->places().size() || !mirror_->filled()) {
    // Never 0 before the end, though some came that were not planned.
    const std::size_t left = viewer.planned_ - std::min(viewer.planned_, viewer.pictured_);
    return frame_.set_picture(first, std::max<std::size_t>(left, 1));
  }
  frame_.set_picture(first, 0);
  viewer.in_picture_ = false;
  for (const Transition& transition : mirror_->transitions_behind(0))
    if (transition.unix_time > facts_.unix_now - kLately && mirror_->find(transition.id) != nullptr)
      frame_.add(transition);
  viewer.transitions_ = mirror_->transitions();
  if (viewer.settled_ == mirror_->number()) viewer.picture_.clear();
}

void Stream::make_owed(Viewer& viewer, std::size_t most) {
  std::uint64_t last = mirror_->number();
  std::size_t told = 0;
  for (const StreamMirror::Slot slot : mirror_->changed_behind(viewer.seen_)) {
    const StreamMirror::Place& place = mirror_->places()[slot];
    const std::uint64_t known = viewer.told(slot);
    if (place.number <= known) continue;
    if (told == most) {
      last = place.number - 1;
      break;
    }
    add_check(viewer, place, known);
    ++told;
  }
  for (const CheckId id : mirror_->removed(viewer.seen_, last))
    if (mirror_->find(id) == nullptr) frame_.add_removed(id);
  for (const Transition& transition : mirror_->transitions_behind(viewer.transitions_)) frame_.add(transition);
  viewer.transitions_ = mirror_->transitions();
  frame_.set(facts_);
  viewer.seen_ = last;
  if (last < mirror_->number()) return;
  viewer.settled_ = last;
  viewer.picture_.clear();
}

// For those who have all up to the tick before. They know each group that was there then, since some check of it was;
// so the groups that one of them lacks, all of them lack.
void Stream::make_shared(Viewer& viewer) {
  if (shared_.empty()) {
    frame_.begin(facts_.unix_now, ticks_);
    make_owed(viewer, SIZE_MAX);
    shared_ = frame_.end();
    shared_groups_ = frame_groups_;
    ++encoded_;
    return;
  }
  viewer.settled_ = viewer.seen_ = mirror_->number();
  viewer.transitions_ = mirror_->transitions();
  for (const std::uint32_t group : shared_groups_) viewer.learn(group);
}

}  // namespace sonde::gateway
