// What the books knew at the last tick, in the order of its changes: what frames of the stream are made of. It has one
// place a check, so what a viewer missed is bounded, and comes to it as one change. One thread at a time.
//
// Each change has a number, rising by one. A check knows the numbers of its last change, of its last change of terms
// (target, group) and of its last two results; so a viewer that has seen all up to some number is owed exactly the
// checks with a later one, and each check's last number tells how much of it.
//
// It begins empty and is filled piece by piece, as the first viewer's picture needs it; until then changes of checks
// that are not in it yet come with them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/checks/check_book.h"

namespace sonde::gateway {

struct MirrorOptions {
  std::size_t most_removed = 100'000;  // whose removal is remembered
  std::size_t most_transitions = 500;  // the newest
};

class StreamMirror {
 public:
  using Slot = std::uint32_t;
  struct Place {
    WatchedCheck known;
    std::uint32_t group = 0;    // 0: the place is free
    Slot newer = 0, older = 0;  // in the order of changes
    std::uint64_t number = 0;   // of its last change
    std::uint64_t terms = 0;    // … of its terms
    std::uint64_t before = 0;   // … that brought the result before the last; a viewer that lacks it lacks two
    std::uint64_t result = 0;   // … that brought the last
  };
  // What many checks have in common. Its index is never another's.
  struct Group {
    CheckPtr of;  // one of them
    std::size_t checks = 0;
  };

  // Watches the books, which outlive it; of what was before, the transitions behind `since`, unix time.
  StreamMirror(std::span<const std::unique_ptr<CheckBook>> books, MirrorOptions options, Nanos since);
  ~StreamMirror();
  StreamMirror(const StreamMirror&) = delete;
  StreamMirror& operator=(const StreamMirror&) = delete;

  // False: a book could not note all that changed; it takes another mirror.
  bool take_changes();
  // Until `slots` places are there, or all.
  void fill(std::size_t slots);
  bool filled() const { return next_book_ == books_.size(); }

  std::uint64_t number() const { return number_; }  // of the last change
  std::size_t checks() const { return by_id_.size() + unfilled_; }
  std::span<const Place> places() const { return places_; }
  const Place* find(CheckId id) const;
  const Group& group(std::uint32_t index) const { return groups_.at(index); }
  // The checks that changed behind that number, in order.
  std::vector<Slot> changed_behind(std::uint64_t number) const;
  // Those that are no more, behind `number` up to `last`. REQUIRES: number >= forgotten().
  std::vector<CheckId> removed(std::uint64_t number, std::uint64_t last) const;
  std::uint64_t forgotten() const { return forgotten_; }  // the last removal that it knows no more
  // Of all that were ever told, how many; and those behind so many that are remembered. REQUIRES: filled().
  std::uint64_t transitions() const { return transitions_told_; }
  std::span<const Transition> transitions_behind(std::uint64_t told) const;

 private:
  static constexpr Slot kNone = UINT32_MAX;
  struct Removed {
    std::uint64_t number;
    CheckId id;
  };

  void apply(WatchedCheck fresh);
  void remove(CheckId id);
  void put_first(Slot slot);
  void unlink(Slot slot);
  std::uint32_t join_group(const CheckPtr& check);
  void leave_group(std::uint32_t index);
  void keep_newest(std::vector<Transition>& transitions) const;
  void end_filling();

  std::span<const std::unique_ptr<CheckBook>> books_;
  MirrorOptions options_;
  Nanos since_;

  // What is still to be filled in: of each book, from a place in its order on.
  std::vector<std::shared_ptr<const std::vector<CheckId>>> orders_;
  std::size_t next_book_ = 0, next_check_ = 0, unfilled_ = 0;
  std::vector<Transition> before_;  // those of what is filled in

  std::uint64_t number_ = 0, forgotten_ = 0;
  std::vector<Place> places_;
  std::vector<Slot> free_;
  Slot newest_ = kNone;
  std::unordered_map<CheckId, Slot> by_id_;
  std::uint32_t last_group_ = 0;
  std::unordered_map<std::uint32_t, Group> groups_;
  std::unordered_map<std::string, std::uint32_t> group_of_key_;
  std::deque<Removed> removed_;
  std::vector<Transition> transitions_;
  std::uint64_t transitions_told_ = 0;
  std::vector<WatchedCheck> looked_;  // scratch
};

}  // namespace sonde::gateway
