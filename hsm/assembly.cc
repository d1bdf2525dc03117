// SPDX-License-Identifier: Apache-2.0
#include "hsm/assembly.h"

#include <algorithm>

#include "hsm/start_remarks.h"

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

bool Uses(const config::Keyring& keyring, const std::string& token) {
  return keyring.tokens.empty() || std::ranges::find(keyring.tokens, token) != keyring.tokens.end();
}

}  // namespace

Assembly::Assembly(const config::Config& config, const std::string& worker_executable,
                   Observer& observer)
    : launcher_(worker_executable), state_dir_(config.state_dir), budget_(config.state_dir) {
  for (const Event& remark : StartRemarks(config, WallNow())) observer.OnEvent(remark);
  for (const config::Token& token : config.tokens) {
    const auto shares = std::ranges::count_if(
        config.keyrings, [&](const auto& keyring) { return Uses(keyring, token.name); });
    tokens_.push_back(std::make_unique<Token>(
        token,
        Token::Options{.state_dir = config.state_dir,
                       .queue_limit = static_cast<std::size_t>(config.server.queue),
                       .shares = static_cast<std::size_t>(shares)},
        launcher_, observer));
  }
  std::vector<std::uint32_t> next_share(tokens_.size());
  for (const config::Keyring& keyring : config.keyrings) {
    keyrings_.push_back(std::make_unique<TokenKeyring>(
        keyring, GroupFor(keyring, next_share, observer), state_dir_, budget_, claims_, observer));
  }
  std::vector<Token*> tokens;
  for (const auto& token : tokens_) tokens.push_back(token.get());
  supervisor_ = std::make_unique<Supervisor>(std::move(tokens), [this](Clock::time_point now) {
    for (const auto& keyring : keyrings_) keyring->Tick(now);
  });
  for (const auto& token : tokens_)
    monitors_.push_back(std::make_unique<TokenMonitor>(*token, PlacesOf(*token)));
  maintenance_ = std::jthread([this](const std::stop_token& stop) { Maintain(stop); });
}

Assembly::~Assembly() {
  // First the workers: a monitor may wait for one, and is answered by its end.
  supervisor_.reset();
  monitors_.clear();
  for (const auto& keyring : keyrings_) keyring->Stop();
}

TokenGroup Assembly::GroupFor(const config::Keyring& keyring,
                              std::vector<std::uint32_t>& next_share, Observer& observer) {
  std::vector<std::string> names = keyring.tokens;
  if (names.empty())
    std::ranges::transform(tokens_, std::back_inserter(names),
                           [](const auto& token) { return token->name(); });
  std::vector<Token*> tokens;
  std::vector<std::uint32_t> shares;
  for (const std::string& name : names) {
    const auto token =
        std::ranges::find_if(tokens_, [&](const auto& t) { return t->name() == name; });
    if (token == tokens_.end())
      throw Error(Reason::kConfig, "keyring " + keyring.name + " names the unknown token " + name);
    tokens.push_back(token->get());
    shares.push_back(next_share[static_cast<std::size_t>(token - tokens_.begin())]++);
  }
  return TokenGroup(std::move(tokens), std::move(shares), observer);
}

std::vector<TokenMonitor::Place> Assembly::PlacesOf(const Token& token) const {
  std::vector<TokenMonitor::Place> places;
  for (const auto& keyring : keyrings_) {
    for (std::size_t index = 0; index < keyring->group().size(); ++index) {
      if (&keyring->group().token(index) == &token) places.push_back({keyring.get(), index});
    }
  }
  return places;
}

void Assembly::Maintain(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    budget_.Maintain(Clock::now());
    for (const auto& keyring : keyrings_) keyring->RetryParked();
    budget_.AwaitNeed(stop, 1s);
  }
}

std::vector<Keyring*> Assembly::keyrings() const {
  std::vector<Keyring*> keyrings;
  for (const auto& keyring : keyrings_) keyrings.push_back(keyring.get());
  return keyrings;
}

std::vector<int> Assembly::worker_pids() const {
  std::vector<int> pids;
  for (const auto& token : tokens_)
    std::ranges::copy(token->Describe().worker_pids, std::back_inserter(pids));
  return pids;
}

}  // namespace mortise::hsm
