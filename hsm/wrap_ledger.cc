// SPDX-License-Identifier: Apache-2.0
#include "hsm/wrap_ledger.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "hsm/scheme/key_label.h"
#include "hsm/state_json.h"

namespace mortise::hsm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kIdSize = 16;
constexpr auto kLockPatience = std::chrono::seconds(2);
// A KEK's whole limit is 2^32. More than this is damage, and sums of it cannot overflow.
constexpr std::uint64_t kLargestCount = std::uint64_t{1} << 48;

// One file of instances/: its totals, and for folded.json the instances they include.
struct Entry {
  WrapTotals totals;
  std::set<std::string> folded;
};

Entry ReadEntry(const std::string& path) {
  Entry entry;
  const auto state = ReadStateJson(path);
  if (!state) return entry;  // deleted since it was listed, so folded.json has it
  if (IsNewer(*state)) RefuseNewer(path);
  try {
    for (const auto& [key_id, count] : state->at("wraps").get_ref<const json::object_t&>()) {
      if (!count.is_number_unsigned() || count > kLargestCount) {
        RefuseDamaged(path, "a count is no count");
      }
      entry.totals.wraps[key_id] = count.get<std::uint64_t>();
    }
    for (const auto& [key_id, time] : state->at("lastUnwrap").get_ref<const json::object_t&>()) {
      entry.totals.last_unwraps[key_id] = ParseTime(time.get<std::string>());
    }
    if (state->contains("folded")) state->at("folded").get_to(entry.folded);
  } catch (const json::exception& error) {
    RefuseDamaged(path, Printable(error.what(), 200));
  } catch (const Error& error) {
    if (error.reason() == Reason::kStateUnusable) throw;
    RefuseDamaged(path, Printable(error.what(), 200));
  }
  return entry;
}

json JsonOf(const WrapTotals& totals) {
  json times = json::object();
  for (const auto& [key_id, time] : totals.last_unwraps) times[key_id] = FormatTime(time);
  return {{"v", kStateVersion}, {"wraps", totals.wraps}, {"lastUnwrap", times}};
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw Error(Reason::kStateUnusable, folder + ": " + error.message());
  }
  return names;
}

// The instances that have any file in the folder, also only a lock or a temporary one.
std::set<std::string> InstancesOf(const std::vector<std::string>& names) {
  std::set<std::string> ids;
  for (const std::string& name : names) {
    std::string id = name.substr(0, name.find('.'));
    if (IsLowerHex(id, kIdSize)) ids.insert(std::move(id));
  }
  return ids;
}

}  // namespace

void WrapTotals::Add(const WrapTotals& other) {
  for (const auto& [key_id, count] : other.wraps) wraps[key_id] += count;
  for (const auto& [key_id, time] : other.last_unwraps) {
    WallTime& latest = last_unwraps.try_emplace(key_id, time).first->second;
    latest = std::max(latest, time);
  }
}

std::uint64_t WrapTotals::WrapsOf(std::string_view key_id) const {
  const auto found = wraps.find(key_id);
  return found == wraps.end() ? 0 : found->second;
}

WrapLedger::WrapLedger(const std::string& state_dir)
    : folder_(state_dir + "/instances"),
      id_(ToHex(RandomBytes(kIdSize / 2))),
      epoch_(WallNow().time_since_epoch().count()) {}

// The files stay: a later process folds them when it finds the lock free.
WrapLedger::~WrapLedger() = default;

WrapLedger::Reservation WrapLedger::Reserve(const std::string& key_id, std::uint64_t wanted,
                                            std::uint64_t limit) {
  // Held over sum and write, so that two processes cannot both take what is left.
  const FileLock lock = LockFolder();
  Join();
  const std::uint64_t total = Sum().WrapsOf(key_id);
  if (total >= limit) return {0, total};
  const std::uint64_t granted = std::min(wanted, limit - total);
  WrapTotals next = own_;
  next.wraps[key_id] += granted;
  WriteOwn(next);
  own_ = std::move(next);
  return {granted, total + granted};
}

void WrapLedger::WriteLastUnwraps(
    const std::map<std::string, WallTime, std::less<>>& last_unwraps) {
  const FileLock lock = LockFolder();
  Join();
  own_.Add({{}, last_unwraps});
  WriteOwn(own_);
}

// Instances are read before folded.json. One that is folded meanwhile is then counted by
// folded.json, whose list says not to count its own file as well; the other order could miss it.
WrapTotals WrapLedger::Sum() const {
  std::map<std::string, WrapTotals> instances;
  for (const std::string& name : NamesIn(folder_)) {
    const std::string id = name.substr(0, name.find('.'));
    if (!IsLowerHex(id, kIdSize) || name != id + ".json" || id == id_) continue;
    instances[id] = ReadEntry(folder_ + "/" + name).totals;
  }
  const Entry folded = ReadEntry(folder_ + "/folded.json");
  WrapTotals sum = own_;
  sum.Add(folded.totals);
  for (const auto& [id, totals] : instances) {
    if (!folded.folded.contains(id)) sum.Add(totals);
  }
  return sum;
}

FileLock WrapLedger::LockFolder() const {
  std::optional<FileLock> lock = FileLock::Acquire(folder_ + "/.lock", kLockPatience);
  if (lock) return std::move(*lock);
  throw Error(Reason::kStateUnusable, folder_ +
                                          "/.lock: another process has held it for 2 s; it "
                                          "will be tried again");
}

void WrapLedger::Join() {
  if (alive_) return;
  FoldDeadInstances();
  // Before our file is there, so that nobody finds it without its lock held.
  std::optional<FileLock> alive = FileLock::Acquire(PathOf(id_, ".lock"), {});
  if (!alive) throw Error(Reason::kStateUnusable, PathOf(id_, ".lock") + ": held by a stranger");
  alive_ = std::move(alive);
}

// Under the folder's lock. Each step leaves a state that Sum counts right.
void WrapLedger::FoldDeadInstances() {
  const std::string path = folder_ + "/folded.json";
  const std::vector<std::string> names = NamesIn(folder_);
  Entry folded = ReadEntry(path);
  std::map<std::string, FileLock> dead;
  for (const std::string& id : InstancesOf(names)) {
    std::optional<FileLock> lock = FileLock::Acquire(PathOf(id, ".lock"), {});
    if (lock) dead.emplace(id, std::move(*lock));
  }
  bool has_changed = false;
  for (const auto& [id, lock] : dead) {
    const std::string own = id + ".json";
    if (std::find(names.begin(), names.end(), own) == names.end()) continue;
    if (!folded.folded.insert(id).second) continue;
    folded.totals.Add(ReadEntry(folder_ + "/" + own).totals);
    has_changed = true;
  }
  // The list forgets those whose files were gone before we began.
  has_changed |= std::erase_if(folded.folded, [&](const std::string& id) {
                   return std::find(names.begin(), names.end(), id + ".json") == names.end();
                 }) != 0;
  if (has_changed) {
    json state = JsonOf(folded.totals);
    state["folded"] = folded.folded;
    WriteFileAtomically(path, state.dump() + "\n");
  }
  for (const std::string& name : names) {
    const bool is_of_the_dead = dead.contains(name.substr(0, name.find('.')));
    const bool is_abandoned = name.starts_with("folded.json.");
    // Locks go last, so that no file is without one.
    if ((is_of_the_dead && !name.ends_with(".lock")) || is_abandoned)
      RemoveFile(folder_ + "/" + name);
  }
  for (const auto& [id, lock] : dead) RemoveFile(PathOf(id, ".lock"));
}

void WrapLedger::WriteOwn(const WrapTotals& totals) const {
  json state = JsonOf(totals);
  state["epoch"] = epoch_;
  WriteFileAtomically(PathOf(id_, ".json"), state.dump() + "\n");
}

std::string WrapLedger::PathOf(const std::string& id, const char* suffix) const {
  return folder_ + "/" + id + suffix;
}

}  // namespace mortise::hsm
