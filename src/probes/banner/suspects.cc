#include "probes/banner/suspects.h"

#include <algorithm>

namespace sonde::probes {

std::string_view name_of(Suspicion suspicion) {
  switch (suspicion) {
    case Suspicion::kNone:
      return "";
    case Suspicion::kSilent:
      return "silent";
    case Suspicion::kSameAnswer:
      return "same_answer";
  }
  return "";
}

Suspects::Suspects(std::size_t addresses) : per_stripe_(std::max<std::size_t>(1, addresses / kStripes)) {}

Suspicion Suspects::Entry::suspicion() const {
  if (std::ranges::any_of(answers, [](const Answer& answer) { return answer.ports >= kPorts; }))
    return Suspicion::kSameAnswer;
  return silent_count >= kPorts ? Suspicion::kSilent : Suspicion::kNone;
}

Suspects::Entry& Suspects::entry_of(Stripe& stripe, const IpAddress& address) {
  if (const auto found = stripe.by_address.find(address); found != stripe.by_address.end()) {
    stripe.entries.splice(stripe.entries.begin(), stripe.entries, found->second);
    return stripe.entries.front();
  }
  if (stripe.entries.size() == per_stripe_) {
    stripe.by_address.erase(stripe.entries.back().address);
    stripe.entries.pop_back();
  }
  stripe.entries.push_front({.address = address});
  stripe.by_address.emplace(address, stripe.entries.begin());
  return stripe.entries.front();
}

Suspicion Suspects::silent(const Endpoint& endpoint) {
  Stripe& stripe = stripe_of(endpoint.address);
  const std::lock_guard lock(stripe.mutex);
  Entry& entry = entry_of(stripe, endpoint.address);
  const auto end = entry.silent.begin() + entry.silent_count;
  if (entry.silent_count < kPorts && std::find(entry.silent.begin(), end, endpoint.port) == end)
    entry.silent[entry.silent_count++] = endpoint.port;
  return entry.suspicion();
}

Suspicion Suspects::answered(const Endpoint& endpoint, std::uint64_t digest) {
  Stripe& stripe = stripe_of(endpoint.address);
  const std::lock_guard lock(stripe.mutex);
  Entry& entry = entry_of(stripe, endpoint.address);
  auto answer = std::ranges::find_if(entry.answers,
                                     [&](const Answer& known) { return known.ports > 0 && known.digest == digest; });
  if (answer == entry.answers.end()) {
    // An answer that was seen before gives way to none but a more frequent one's rival: the rarest goes.
    answer = std::ranges::min_element(entry.answers, {}, &Answer::ports);
    *answer = {.digest = digest};
  }
  ++answer->ports;
  return entry.suspicion();
}

}  // namespace sonde::probes
