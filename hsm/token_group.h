// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hsm/keyring.h"
#include "hsm/token.h"

namespace mortise::hsm {

// How each token is told of a KEK: by token, a KekReference, encoded.
using KekByToken = std::shared_ptr<const std::vector<std::shared_ptr<const std::string>>>;

// The tokens of one keyring, in order of preference. It chooses where an operation goes,
// and sends it on when a token fails it. Thread-safe; never blocks.
class TokenGroup {
 public:
  TokenGroup(std::vector<Token*> tokens, std::vector<std::uint32_t> shares, Observer& observer);

  // `token` is where it succeeded.
  using Unwrapped = std::function<void(Outcome<SecretBytes>, std::size_t token)>;
  using WrapProved = std::function<void(Outcome<std::string>, std::size_t token)>;

  // On the first ready token of `holders`, then the next ones. Where none is ready it waits
  // at the first, whose worker may come up in time.
  void Unwrap(const std::vector<std::size_t>& holders, KekByToken kek, std::string_view ciphertext,
              const Call& call, Unwrapped done) const;

  // Wraps on the first ready token and proves the result on the second, within a third of
  // the time that is left; where there is no second that answers, on the first.
  void WrapAndProve(const std::vector<std::size_t>& holders, KekByToken kek, SecretBytes seed,
                    const Call& call, WrapProved done) const;

  Token& token(std::size_t index) const { return *tokens_[index]; }
  std::size_t size() const { return tokens_.size(); }

 private:
  class UnwrapCall;
  class WrapCall;

  std::vector<std::size_t> InOrder(const std::vector<std::size_t>& holders) const;
  OperationPtr MakeOperation(MessageKind kind, std::size_t token, const KekByToken& kek,
                             std::string_view input, const Call& call) const;

  const std::vector<Token*> tokens_;
  const std::vector<std::uint32_t> shares_;
  Observer& observer_;
};

}  // namespace mortise::hsm
