// SPDX-License-Identifier: Apache-2.0
#include "test/support/test_tokens.h"

#include <cstdlib>

#include "test/support/kryoptic_token.h"
#include "test/support/nss_token.h"
#include "test/support/opencryptoki_token.h"
#include "test/support/softhsm_token.h"
#include "test/support/tpm_token.h"

namespace mortise::test {
namespace {

// SoftHSM2 itself, without pkcs11-fault.so before it.
class PlainSoftHsmToken : public SoftHsmToken {
 public:
  config::Token ToConfig(const std::string& name) const override {
    return SoftHsmToken::ToConfig(name, true);
  }
};

template <typename Token, auto... arguments>
std::unique_ptr<TestToken> Make() {
  return std::make_unique<Token>(arguments...);
}

// For the makes that take more than an ordinary user's packages.
template <auto why_not>
std::optional<std::string> WhyNotOptional() {
  const char* wanted = std::getenv("MORTISE_TOKENS");
  if (wanted != nullptr && std::string(wanted) == "0") return "MORTISE_TOKENS=0 leaves it out";
  return why_not();
}

}  // namespace

void PrintTo(const TokenKind& kind, std::ostream* out) {
  *out << kind.name;
}

const std::vector<TokenKind>& TokenKinds() {
  static const std::vector<TokenKind> kinds = {
      {"softhsm", SoftHsmToken::WhyNot, Make<PlainSoftHsmToken>},
      {"nss", NssToken::WhyNot, Make<NssToken, NssToken::Mode::kNormal>},
      {"nss-fips", NssToken::WhyNot, Make<NssToken, NssToken::Mode::kFips>},
      {"opencryptoki", WhyNotOptional<OpencryptokiToken::WhyNot>, Make<OpencryptokiToken>},
      {"tpm2", WhyNotOptional<TpmToken::WhyNot>, Make<TpmToken>},
      {"kryoptic", WhyNotOptional<KryopticToken::WhyNot>, Make<KryopticToken>},
  };
  return kinds;
}

}  // namespace mortise::test
