// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "hsm/key_history.h"
#include "hsm/scheme/key_label.h"

namespace mortise::hsm {

// A key of the token whose label names this keyring.
struct Candidate {
  KeyLabel label;
  std::string label_text;
  std::string cka_id;
  std::string key_id;
  bool is_never_extractable = false;
  bool keeps_policy = true;  // else it never wraps, and no newcomer counts beside one that does
};

enum class Standing : std::uint8_t {
  kAccepted,     // its time may make it active
  kDecryptOnly,  // opens what it wrapped; an operator's `key accept` is needed for more
  kIgnored,      // no key of ours
};

struct Verdict {
  Standing standing = Standing::kIgnored;
  std::string_view alarm;  // the event's name; empty: nothing to say
  std::string why;         // for a person; empty when accepted
};

struct AcceptanceFacts {
  std::string context_tag;
  const KeyringHistory& history;
  std::set<std::string> pinned;       // key_ids with a pinned canary: as good as accepted
  std::set<std::string> with_canary;  // key_ids with any canary: what they wrapped must open
  // Of a process that goes on looking:
  std::set<std::string> announced;  // accepted by an earlier scan, on trial since
  std::set<std::string> copies;     // that opened another generation's canary
};

// Why a label is not one of a wrap key of this context; empty: it is one.
std::string LabelProblem(const KeyLabel& label, const std::string& context_tag);

// Which of the keys found by label are this keyring's (DESIGN, Keyrings and generations).
// A label can be written by anyone who may create objects, so a generation counts only as
// the successor of the highest accepted one, and what looks planted opens but never wraps.
// Pure: the same facts give the same verdicts, by key_id.
std::map<std::string, Verdict> Judge(const std::vector<Candidate>& candidates,
                                     const AcceptanceFacts& facts);

}  // namespace mortise::hsm
