// SPDX-License-Identifier: Apache-2.0
#include "config/keys_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "config/loader.h"
#include "config/section.h"
#include "config/words.h"
#include "config/yaml_tree.h"

namespace mortise::config {
namespace {

constexpr std::size_t kMaxKeys = 200;  // so that their names fit into one request to a worker
constexpr std::size_t kMaxLabelSize = 255;
constexpr std::size_t kMaxCkaIdSize = 255;
constexpr std::size_t kMinIdWithoutSalt = 8;
constexpr std::size_t kMinSaltSize = 8, kMaxSaltSize = 64;

bool HasAuthenticator(const std::string& scheme) {
  return scheme.find("-hmac") != std::string::npos || scheme.find("-sign") != std::string::npos;
}

// How an entry is called in a message.
std::string NameOf(const ListedObject& object) {
  std::string name = object.label.empty() ? "" : "label \"" + Printable(object.label) + "\"";
  if (!object.cka_id.empty())
    name += (name.empty() ? "id " : ", id ") + ToHex(AsBytes(object.cka_id));
  return name;
}

// Whether one object in a token may match both.
bool MayBeTheSame(const ListedObject& a, const ListedObject& b) {
  if (!a.cka_id.empty() && !b.cka_id.empty()) return a.cka_id == b.cka_id;
  return !a.label.empty() && a.label == b.label;
}

class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}

  KeysFile Read(const Node& root) {
    KeysFile file;
    if (root.kind != Node::Kind::kSequence || root.items.empty()) {
      problems_.Add("", "must be a list of keys, one \"- generation: ...\" for each");
      return file;
    }
    if (root.items.size() > kMaxKeys) {
      problems_.Add("", fmt::format("lists {} keys; the most is {}: take destroyed ones out",
                                    root.items.size(), kMaxKeys));
    }
    for (std::size_t i = 0; i < root.items.size(); ++i) {
      Section section(root.items[i], Join("", i), problems_);
      file.keys.push_back(ReadKey(section, Join("", i)));
      section.Finish();
    }
    for (std::size_t i = 0; i < file.keys.size(); ++i) CheckAgainstEarlier(file.keys, i);
    return file;
  }

 private:
  ListedKey ReadKey(Section& section, const std::string& path) {
    ListedKey key;
    std::uint64_t generation = 0;
    section.Int("generation", generation, 1, 9999, Presence::kRequired);
    key.generation = static_cast<std::uint32_t>(generation);
    key.wrap = ReadObject(section, path);
    section.Map("authenticator", [&](Section& authenticator) {
      key.authenticator = ReadObject(authenticator, Join(path, "authenticator"));
    });
    key.activation = ReadTime(section, path);
    section.Choice("scheme", key.scheme, kListedSchemes, Presence::kRequired);
    section.Choice("state", key.state, kListedStates);
    CheckAuthenticator(key, path);
    return key;
  }

  ListedObject ReadObject(Section& section, const std::string& path) {
    ListedObject object;
    section.Text("label", object.label);
    if (object.label.size() > kMaxLabelSize)
      problems_.Add(Join(path, "label"), fmt::format("has more than {} bytes", kMaxLabelSize));
    object.cka_id = ReadHex(section, "id", path, 1, kMaxCkaIdSize);
    object.salt = ReadHex(section, "salt", path, kMinSaltSize, kMaxSaltSize);
    const bool is_named = !object.label.empty() || !object.cka_id.empty();
    if (!is_named && problems_.IsSound(path) && problems_.IsSound(Join(path, "label")) &&
        problems_.IsSound(Join(path, "id"))) {
      problems_.Add(path, "names no object; give its label, its id or both");
    }
    const bool is_short = !object.cka_id.empty() && object.cka_id.size() < kMinIdWithoutSalt;
    if (is_short && object.salt.empty() && problems_.IsSound(Join(path, "salt"))) {
      problems_.Add(Join(path, "salt"),
                    "is missing: an id of less than 8 bytes may not be unique; give 16 random "
                    "bytes in hexadecimal, the same on every node, and never change them");
    }
    return object;
  }

  std::string ReadHex(Section& section, std::string_view key, const std::string& path,
                      std::size_t min, std::size_t max) {
    std::string hex;
    section.Text(key, hex);
    if (hex.empty()) return {};
    const std::optional<Bytes> bytes = FromHex(hex);
    if (bytes && bytes->size() >= min && bytes->size() <= max) return std::string(AsText(*bytes));
    problems_.Add(Join(path, key),
                  bytes ? fmt::format("must have {} to {} bytes, not {}", min, max, bytes->size())
                        : "must be hexadecimal, two lower-case digits a byte");
    return {};
  }

  WallTime ReadTime(Section& section, const std::string& path) {
    std::string text;
    section.Text("activation", text, Presence::kRequired);
    if (text.empty()) return {};
    try {
      return ParseTime(text);
    } catch (const Error&) {
      problems_.Add(Join(path, "activation"),
                    "must be a time in UTC of the form 2026-01-31T12:00:00Z");
    }
    return {};
  }

  void CheckAuthenticator(const ListedKey& key, const std::string& path) {
    const std::string at = Join(path, "authenticator");
    if (key.scheme.empty() || !problems_.IsSound(at)) return;
    if (HasAuthenticator(key.scheme) && !key.authenticator) {
      problems_.Add(at, "is missing; scheme " + key.scheme +
                            " needs its MAC or signer key: authenticator: {label: ...}");
    } else if (!HasAuthenticator(key.scheme) && key.authenticator) {
      problems_.Add(at, "is not used with scheme " + key.scheme + "; leave it out");
    }
  }

  void CheckAgainstEarlier(const std::vector<ListedKey>& keys, std::size_t index) {
    const ListedKey& key = keys[index];
    const std::string path = Join("", index);
    for (std::size_t i = 0; i < index; ++i) {
      const ListedKey& other = keys[i];
      const std::string first = fmt::format("line {}", problems_.PositionOf(Join("", i)).line);
      if (key.generation != 0 && key.generation == other.generation) {
        problems_.Add(Join(path, "generation"),
                      fmt::format("{} is listed twice; the first is at {}", key.generation, first));
      }
      if (MayBeTheSame(key.wrap, other.wrap)) {
        problems_.Add(path, NameOf(key.wrap) + " is also what the entry at " + first +
                                " names; let an id tell them apart");
      }
      if (key.authenticator && other.authenticator &&
          MayBeTheSame(*key.authenticator, *other.authenticator)) {
        problems_.Add(Join(path, "authenticator"),
                      NameOf(*key.authenticator) + " is also the authenticator of the entry at " +
                          first + "; each generation has its own");
      }
    }
  }

  Problems& problems_;
};

// Every object of a file with the line to look at.
std::vector<const ListedObject*> ObjectsOf(const KeysFile& file) {
  std::vector<const ListedObject*> objects;
  for (const ListedKey& key : file.keys) {
    objects.push_back(&key.wrap);
    if (key.authenticator) objects.push_back(&*key.authenticator);
  }
  return objects;
}

bool ShareAToken(const Keyring& a, const Keyring& b) {
  return std::ranges::any_of(a.tokens, [&](const std::string& token) {
    return std::ranges::find(b.tokens, token) != b.tokens.end();
  });
}

void CompareFiles(const std::pair<const Keyring*, KeysFile>& one,
                  const std::pair<const Keyring*, KeysFile>& other,
                  std::vector<std::string>& problems) {
  if (!ShareAToken(*one.first, *other.first)) return;
  for (const ListedObject* a : ObjectsOf(one.second)) {
    for (const ListedObject* b : ObjectsOf(other.second)) {
      if (!MayBeTheSame(*a, *b)) continue;
      problems.push_back(
          fmt::format("{}: {} is also listed for keyring {}, in {}; a key belongs to one keyring",
                      one.first->keys_file, NameOf(*a), other.first->name, other.first->keys_file));
    }
  }
}

}  // namespace

KeysFile ParseKeysFile(const std::string& text, const std::string& file) {
  Problems problems(file);
  KeysFile keys = Reader(problems).Read(ParseYaml(text, problems));
  problems.ThrowIfAny();
  return keys;
}

KeysFile LoadKeysFile(const std::string& path) {
  std::string text;
  try {
    text = ReadFile(path);
    RequireTrustedPath(path);
  } catch (const Error& error) {
    throw ConfigError({error.what()});
  }
  return ParseKeysFile(text, path);
}

std::vector<std::string> ProblemsOfKeysFiles(const Config& config) {
  std::vector<std::string> problems;
  std::vector<std::pair<const Keyring*, KeysFile>> files;
  for (const Keyring& keyring : config.keyrings) {
    if (keyring.discovery != Discovery::kFile) continue;
    try {
      files.emplace_back(&keyring, LoadKeysFile(keyring.keys_file));
    } catch (const ConfigError& error) {
      problems.insert(problems.end(), error.problems().begin(), error.problems().end());
    }
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CompareFiles(files[i], files[j], problems);
  }
  return problems;
}

}  // namespace mortise::config
