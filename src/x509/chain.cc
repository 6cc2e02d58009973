#include "x509/chain.h"

#include "base/check.h"
#include "x509/openssl_handles.h"

namespace sonde::x509 {

void Chain::add(std::span<const std::byte> der) {
  ++sent_;
  // Once something is left out, so is all behind it: what is kept is always the beginning of the chain.
  if (offsets_.size() + 1 < sent_ || offsets_.size() == kMaxChainCertificates) return;
  if (der.size() + 3 > kMaxChainBytes - bytes_.size()) return;
  for (const unsigned shift : {16U, 8U, 0U}) bytes_.push_back(static_cast<std::byte>((der.size() >> shift) & 0xff));
  offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  bytes_.insert(bytes_.end(), der.begin(), der.end());
}

std::span<const std::byte> Chain::operator[](std::size_t index) const {
  SONDE_CHECK(index < offsets_.size(), "no such certificate in the chain");
  const std::size_t begin = offsets_[index];
  const std::size_t end = index + 1 < offsets_.size() ? offsets_[index + 1] - 3 : bytes_.size();
  return std::span(bytes_).subspan(begin, end - begin);
}

ChainHasher::ChainHasher() : sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
  SONDE_CHECK(sha256_ && context_, "libcrypto without SHA-256");
}

void ChainHasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }
void ChainHasher::Free::operator()(evp_md_st* digest) const { EVP_MD_free(digest); }

ChainKey ChainHasher::key_of(const Chain& chain) {
  ChainKey key;
  const std::size_t beyond = chain.sent() - chain.size();
  bool ok = EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1 &&
            EVP_DigestUpdate(context_.get(), chain.bytes().data(), chain.bytes().size()) == 1;
  if (beyond > 0) ok = ok && EVP_DigestUpdate(context_.get(), &beyond, sizeof(beyond)) == 1;
  ok = ok && EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(key.data()), nullptr) == 1;
  SONDE_CHECK(ok, "SHA-256 fails");
  return key;
}

}  // namespace sonde::x509
