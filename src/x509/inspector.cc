#include "x509/inspector.h"

#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "x509/desk.h"
#include "x509/inspection_thread.h"

namespace sonde::x509 {

Inspector::Inspector(const InspectorOptions& options) : options_(options) {}

Inspector::~Inspector() { SONDE_CHECK(open_desks_.load() == 0, "a desk outlives its inspector"); }

Parsed<std::unique_ptr<Inspector>> Inspector::create(const InspectorOptions& options) {
  SONDE_CHECK(options.threads >= 1 && options.threads <= 64, "an inspector has 1 to 64 threads");
  std::unique_ptr<Inspector> inspector(new Inspector(options));
  if (options.verify) {
    Parsed<Verifier> verifier = Verifier::create(options.ca_file);
    if (!verifier) return std::unexpected(verifier.error());
    inspector->verifier_ = std::make_unique<const Verifier>(std::move(*verifier));
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    inspector->threads_.push_back(std::make_unique<InspectionThread>(*inspector));
    if (!inspector->threads_.back()->start()) return input_error("no thread to inspect certificates on");
  }
  return inspector;
}

std::unique_ptr<Desk> Inspector::open_desk() {
  std::vector<Lane*> lanes;
  lanes.reserve(threads_.size());
  for (const auto& thread : threads_) lanes.push_back(thread->add_lane());
  open_desks_.fetch_add(1);
  return std::unique_ptr<Desk>(new Desk(*this, std::move(lanes)));
}

ChainFacts Inspector::inspect_chain(const Chain& chain, std::int64_t now_s) {
  inspections_.fetch_add(1, std::memory_order_relaxed);
  return inspect(chain, verifier_.get(), now_s, options_.keep_der);
}

bool Inspector::is_stale(const ChainFacts& facts, std::int64_t now_s) const {
  return verifier_ != nullptr && std::abs(now_s - facts.made_at_s) >= options_.verdict_lasts_s;
}

}  // namespace sonde::x509
