// SPDX-License-Identifier: Apache-2.0
// Every metric, once: its name and what it says. docs/metrics.md is held against
// what is exported by a test.
#pragma once

#include <array>

namespace mortise::metrics {

struct FamilyName {
  const char* name;
  const char* help;
};

// Requests, as kube-apiserver sees them.
inline constexpr FamilyName kRequestDuration{
    "mortise_request_duration_seconds",
    "Time from the receipt of a KMS request to its answer, by gRPC code."};
inline constexpr FamilyName kRequestsInFlight{"mortise_requests_in_flight",
                                              "KMS requests received and not answered yet."};
inline constexpr FamilyName kConnections{"mortise_connections",
                                         "Connections that a keyring's socket serves now."};
inline constexpr FamilyName kPeerRejections{
    "mortise_peer_rejections_total", "Connections closed before any request was read, by reason."};

// Operations of the tokens, as their workers see them.
inline constexpr FamilyName kOperationDuration{
    "mortise_hsm_operation_duration_seconds",
    "Time a token took for an operation that reached it: its Cryptoki calls alone."};
inline constexpr FamilyName kOperationErrors{
    "mortise_hsm_errors_total", "Operations that failed, by reason; docs/errors.md explains each."};
inline constexpr FamilyName kQueueWait{
    "mortise_hsm_queue_wait_seconds",
    "Time an operation waited for a session of the token; it grows first when a token saturates."};
inline constexpr FamilyName kWorkerStarts{"mortise_worker_starts_total",
                                          "Worker processes started for a token, by reason."};

// Tokens, as of the scrape.
inline constexpr FamilyName kQueueLength{"mortise_hsm_queue_length",
                                         "Operations that wait for a session of the token."};
inline constexpr FamilyName kTokenUp{
    "mortise_hsm_up", "1 while a worker of the token is ready and its last canary opened, else 0."};
inline constexpr FamilyName kSessions{"mortise_hsm_sessions", "Sessions open with the token."};

// Keys, as of the scrape. key_id_hash is spelled as kube-apiserver spells it, so that
// its series and these can be joined.
inline constexpr FamilyName kKeyInfo{
    "mortise_key_info", "1 for each generation of a keyring, with its scheme and state."};
inline constexpr FamilyName kKeyWraps{
    "mortise_key_wraps_total", "Wraps that this node has reserved under a key, over all restarts."};
inline constexpr FamilyName kKeyWrapLimit{"mortise_key_wrap_limit",
                                          "Wraps that this node may spend under a key."};
inline constexpr FamilyName kKeyActivation{"mortise_key_activation_timestamp_seconds",
                                           "Time from which a key wraps, as its label says."};
inline constexpr FamilyName kLastProof{
    "mortise_last_proof_timestamp_seconds",
    "When the active key of a keyring last opened a ciphertext on any token; 0 before the first."};

// The process.
inline constexpr FamilyName kReady{
    "mortise_ready",
    "1 while every keyring has an active key with a fresh proof, as /readyz says."};
inline constexpr FamilyName kBuildInfo{"mortise_build_info", "1, with the version that runs."};
inline constexpr FamilyName kProcessCpu{"process_cpu_seconds_total",
                                        "User and system CPU time of the front process."};
inline constexpr FamilyName kProcessResident{"process_resident_memory_bytes",
                                             "Resident memory of the front process."};
inline constexpr FamilyName kProcessVirtual{"process_virtual_memory_bytes",
                                            "Virtual memory of the front process."};
inline constexpr FamilyName kProcessStart{"process_start_time_seconds",
                                          "When the front process was started."};
inline constexpr FamilyName kProcessOpenFds{"process_open_fds",
                                            "File descriptors the front process has open."};
inline constexpr FamilyName kProcessMaxFds{"process_max_fds",
                                           "File descriptors the front process may have open."};

// Seconds, from half a software token's wrap to past every limit there is. 3 is among
// them because it is kube-apiserver's own limit for a KMS call.
inline constexpr std::array kDurationBuckets = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025,
                                                0.005,   0.01,   0.025,   0.05,   0.1,   0.25,
                                                0.5,     1.0,    2.5,     3.0,    5.0,   10.0};

}  // namespace mortise::metrics
