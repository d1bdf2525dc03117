// SPDX-License-Identifier: Apache-2.0
#include "test/support/test_tokens.h"

#include "test/support/kryoptic_token.h"
#include "test/support/nss_token.h"
#include "test/support/opencryptoki_token.h"
#include "test/support/softhsm_token.h"

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

}  // namespace

void PrintTo(const TokenKind& kind, std::ostream* out) {
  *out << kind.name;
}

const std::vector<TokenKind>& TokenKinds() {
  static const std::vector<TokenKind> kinds = {
      {"softhsm", SoftHsmToken::WhyNot, Make<PlainSoftHsmToken>},
      {"nss", NssToken::WhyNot, Make<NssToken, NssToken::Mode::kNormal>},
      {"nss-fips", NssToken::WhyNot, Make<NssToken, NssToken::Mode::kFips>},
      {"opencryptoki", OpencryptokiToken::WhyNot, Make<OpencryptokiToken>},
      {"kryoptic", KryopticToken::WhyNot, Make<KryopticToken>},
  };
  return kinds;
}

}  // namespace mortise::test
