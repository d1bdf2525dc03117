// SPDX-License-Identifier: Apache-2.0
// What can be set, and to what. This file is the manual: every field of
// mortise.yaml has its name here, in the same camelCase spelling as its
// comment says, with unit, default and meaning. A change needs a restart
// (which loses no call); a key rotation needs no change.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mortise::config {

using Duration = std::chrono::milliseconds;

// Written as a Go-style duration: 250ms, 2s, 15m, 1h30m, 8760h.
using std::chrono::hours;
using std::chrono::seconds;

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kAuto, kText, kJson };  // auto: text on a terminal, else json
enum class Login { kPin, kNone };              // none: preloaded or accelerator slots
enum class Rescan { kSession, kRespawn };      // respawn: new objects show only to new processes
enum class IvMode { kAuto, kCaller, kWrittenBack, kAppended, kPrepended, kMessageRandom };
enum class StatusPolicy { kBridge, kStrict };
enum class Discovery { kToken, kFile };
enum class Trust { kFirstUse, kPinned };
enum class PolicyMode { kStrict, kFips };
enum class TokenPolicy { kActivePassive };

struct Metrics {
  std::string address = "127.0.0.1:9464";  // address: host:port; port 0 = any free one; "" = off
};

struct Log {
  LogLevel level = LogLevel::kInfo;     // level: debug, info, warning, error
  LogFormat format = LogFormat::kAuto;  // format: auto, text, json
};

struct Server {
  int max_connections = 256;  // maxConnections, per keyring; beyond it the newest is closed
  Duration max_connection_age =
      seconds(15);   // maxConnectionAge: when a client is asked to reconnect
  int queue = 4096;  // queue: requests waiting per token
};

// What a certificate says of a token. mortise cannot verify it: status shows it as stated, beside
// what the token itself reports. Every value is text, so a number wants quotes.
struct Assurance {
  std::string standard;     // standard: such as "FIPS 140-3" or "Common Criteria"; mandatory
  std::string certificate;  // certificate: its number
  std::string level;        // level: such as "3" or "EAL4+"
  std::string firmware;     // firmware: the certified version; compared with the token's own
  std::string mode;         // mode: how the device must be run, in the certificate's words
  std::string valid_until;  // validUntil: last day of the certificate, YYYY-MM-DD; "": not stated
};

struct Token {
  std::string name;           // name: the word for it in metrics, logs and status
  std::string module;         // module: absolute path of the vendor's PKCS#11 library
  std::string uri;            // uri: which token, RFC 7512 path attributes only
  std::string pin_file;       // pinFile: absolute path, mode 0400; required by login: pin
  Login login = Login::kPin;  // login: pin or none
  std::string user_type =
      "user";  // userType: user, or a use-only role as a CKU number (0x80000001)
  std::map<std::string, std::string> environment;  // environment: for this token's workers only
  std::string init_args;            // initArgs: C_Initialize's pReserved string (NSS softokn)
  int workers = 1;                  // workers: processes, 1..16
  int sessions = 4;                 // sessions: threads and sessions per worker, 1..64
  bool read_write_sessions = true;  // readWriteSessions
  Duration operation_timeout = seconds(2);  // operationTimeout: one attempt of one operation
  Duration hang_limit = seconds(10);        // hangLimit: silence after which a worker is replaced
  Duration start_timeout = seconds(120);    // startTimeout: load, initialise, log in
  Duration canary_interval = seconds(10);   // canaryInterval
  Rescan rescan = Rescan::kSession;         // rescan: session or respawn
  IvMode iv_mode = IvMode::kAuto;           // ivMode
  std::string location;                     // location: where it stands, for the key inventory
  std::optional<Assurance> assurance;       // assurance: what its certificate says, if it has one
};

struct KeyPolicy {
  // mode: strict, or fips, which also refuses to wrap with an IV that is not the token's own and
  // by a scheme that encrypts outside the token
  PolicyMode mode = PolicyMode::kStrict;
  // waive: token name -> names of attributes that keys may lack there, {hsm-a: [CKA_LOCAL]};
  // CKA_NEVER_EXTRACTABLE only with discovery: file
  std::map<std::string, std::vector<std::string>> waive;
};

struct Keyring {
  std::string name;           // name: [a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?
  std::string context;        // context: this cluster's identity; 1..256 bytes; mandatory
  std::string socket;         // socket: absolute path, at most 107 bytes
  mode_t socket_mode = 0600;  // socketMode: octal in quotes
  std::vector<uid_t> allowed_uids = {0};  // allowedUids: who may connect
  std::string version = "v2";             // version: v2 or v2beta1
  std::vector<std::string> tokens;        // tokens: in order of preference; default: all
  TokenPolicy token_policy = TokenPolicy::kActivePassive;  // tokenPolicy
  StatusPolicy status_policy = StatusPolicy::kBridge;      // statusPolicy: bridge or strict
  Duration bridge_limit = hours(1);                        // bridgeLimit
  Duration status_staleness =
      seconds(30);  // statusStaleness: age at which a proof is worth nothing
  Discovery discovery = Discovery::kToken;  // discovery: token, or file with keysFile
  // keysFile: absolute path of the list of keys (config/keys_file.h), read anew at every rescan
  std::string keys_file;
  Duration rescan_interval = seconds(30);  // rescanInterval
  Trust trust = Trust::kFirstUse;          // trust: first-use, or pinned with canaries
  std::string canaries;                 // canaries: file of pinned canaries, read anew all the time
  std::string scheme = "auto";          // scheme: for new keys; those that exist keep their own
  KeyPolicy policy;                     // policy
  Duration cryptoperiod = hours(8760);  // cryptoperiod
  std::uint64_t wrap_limit = 268435456;  // wrapLimit: wraps per KEK by this node; 2^28
  int max_wraps_per_second = 20;         // maxWrapsPerSecond: burst ten times that; 0 = no limit
};

struct Config {
  std::string state_dir = "/var/lib/mortise";  // stateDir: FORMATS; 0700
  Metrics metrics;                             // metrics
  Log log;                                     // log
  Server server;                               // server
  std::vector<Token> tokens;                   // tokens: at least one
  std::vector<Keyring> keyrings;               // keyrings: at least one
};

// The file given by --admin-config: credentials that make and destroy keys.
struct AdminToken {
  std::string name;                // name: of a token in the configuration
  std::string pin_file;            // pinFile
  std::string user_type = "user";  // userType
};
struct AdminConfig {
  std::vector<AdminToken> tokens;  // tokens
};

}  // namespace mortise::config
