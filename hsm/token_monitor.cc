// SPDX-License-Identifier: Apache-2.0
#include "hsm/token_monitor.h"

#include <pthread.h>

#include <algorithm>

namespace mortise::hsm {
namespace {

using namespace std::chrono_literals;

// How late an activation or a quarantine may be noticed.
constexpr auto kIdle = 200ms;
// A search that failed is not left alone for a whole rescanInterval: until the first one
// succeeds nothing is served.
constexpr auto kAfterFailure = 2s;

// What a self-test has to be repeated for when it changes.
std::string SoftwareOf(const Ready& description) {
  return description.serial + '\0' + description.firmware + '\0' + description.library;
}

}  // namespace

TokenMonitor::TokenMonitor(Token& token, std::vector<Place> places)
    : token_(token),
      places_(std::move(places)),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

void TokenMonitor::Run(const std::stop_token& stop) {
  pthread_setname_np(pthread_self(), "token-monitor");
  while (!stop.stop_requested()) {
    LookAfter();
    // A new worker ends the wait at once; else the next round of what is due.
    token_.WaitUntilReady(incarnation_, Clock::now() + kIdle);
  }
}

void TokenMonitor::LookAfter() {
  const Token::Snapshot token = token_.Describe();
  const bool is_new = token.is_ready && token.incarnation != incarnation_;
  if (is_new) {
    incarnation_ = token.incarnation;
    next_scan_ = {};
    is_searched_ = false;
    shown_.clear();
    const std::string software = SoftwareOf(token.description);
    for (const Place& place : places_) place.keyring->OnNewWorker(place.token, software);
  }
  for (const Place& place : places_) place.keyring->OnTokenState(place.token, token.is_ready);
  if (token.is_ready) {
    if (ScanIsDue(Clock::now())) Scan();
    bool has_more = true;
    while (has_more && token_.is_ready()) {
      has_more = false;
      for (const Place& place : places_) {
        has_more |= place.keyring->RunNextJob(place.token);
        place.keyring->Housekeep();
      }
    }
  }
  for (const Place& place : places_) place.keyring->Housekeep();
}

bool TokenMonitor::ScanIsDue(Clock::time_point now) const {
  return now >= next_scan_ || std::ranges::any_of(places_, [](const Place& place) {
           return place.keyring->WantsScan(place.token);
         });
}

config::Duration TokenMonitor::RescanInterval() const {
  config::Duration shortest = std::chrono::hours(8760);
  for (const Place& place : places_)
    shortest = std::min(shortest, place.keyring->settings().rescan_interval);
  return shortest;
}

void TokenMonitor::Scan() {
  // Where only new processes see new objects, the successor's own search is the scan.
  for (const Place& place : places_) place.keyring->OnScanBegins(place.token);
  next_scan_ = Clock::now() + RescanInterval();
  if (token_.settings().rescan == config::Rescan::kRespawn && is_searched_) return token_.Respawn();
  try {
    const std::vector<InventoryEntry> entries = Search();
    // "No such key" is believed from a fresh process only.
    if (LostSomething(entries)) return token_.Respawn();
    is_searched_ = true;
    for (const Place& place : places_) place.keyring->OnScan(place.token, entries);
  } catch (const Error&) {
    // Its reason was told of where the operation ended.
    next_scan_ = Clock::now() + std::min<Clock::duration>(kAfterFailure, RescanInterval());
  }
}

bool TokenMonitor::LostSomething(const std::vector<InventoryEntry>& entries) {
  std::set<std::pair<std::string, std::string>> shown;
  for (const InventoryEntry& entry : entries) shown.emplace(entry.label, entry.cka_id);
  const bool lost = !std::ranges::includes(shown, shown_);
  shown_ = std::move(shown);
  return lost;
}

std::vector<InventoryEntry> TokenMonitor::Search() {
  std::vector<InventoryEntry> entries;
  InventoryRequest request;
  for (const Place& place : places_)
    request.wanted.merge(place.keyring->WantedObjects(place.token));
  for (std::uint16_t pages = 1; request.page < pages; ++request.page, request.wanted.clear()) {
    auto operation = std::make_shared<Operation>();
    operation->kind = MessageKind::kInventory;
    const std::string input = request.Encode();
    operation->input.assign(input.data(), input.size());
    operation->deadline = Clock::now() + token_.settings().start_timeout;
    InventoryPage page = InventoryPage::Decode(token_.Call(std::move(operation)));
    pages = page.pages;
    std::ranges::move(page.entries, std::back_inserter(entries));
  }
  return entries;
}

}  // namespace mortise::hsm
