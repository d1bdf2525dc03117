#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That layering.py and headers_alone.py find what is planted, and nothing else."""

import pathlib
import tempfile
import unittest

import headers_alone
import layering


class PlantedTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="layering.")
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def assert_found(self, path, include, words):
        self.plant(path, f"#pragma once\n{include}\n")
        found = list(layering.violations(self.root))
        self.assertEqual(len(found), 1, found)
        self.assertTrue(found[0].startswith(f"{path}:2: "), found)
        self.assertIn(words, found[0])

    def test_base_includes_nobody(self):
        self.assert_found("base/a.h", '#include "config/config.h"', "base may not include config")

    def test_config_includes_only_base(self):
        self.assert_found("config/a.cc", '#include "hsm/keyring.h"', "config may not include hsm")

    def test_the_worker_does_not_know_the_keyring(self):
        self.assert_found("hsm/worker/a.h", '#include "hsm/keyring.h"', "hsm/worker may not include hsm")

    def test_only_the_command_line_provisions(self):
        self.assert_found("server/a.cc", '#include "hsm/provision/token.h"', "server may not include hsm/provision")

    def test_nothing_includes_a_test(self):
        self.assert_found("cli/a.cc", '#include "test/support/a.h"', "cli may not include test")

    def test_pkcs11_is_spoken_in_its_folder(self):
        self.assert_found("hsm/a.cc", "#include <p11-kit/pkcs11.h>", "spoken in hsm/cryptoki")

    def test_the_configuration_may_read_a_pkcs11_uri_but_not_speak_pkcs11(self):
        self.plant("config/uri.cc", "#include <p11-kit/uri.h>\n")
        self.assert_found("config/a.cc", "#include <p11-kit/p11-kit.h>", "spoken in hsm/cryptoki")

    def test_libp11_stays_out_of_what_serves(self):
        self.assert_found("hsm/cryptoki/a.cc", "#include <libp11.h>", "libp11 stays out")

    def test_grpc_stays_out_of_the_worker(self):
        self.assert_found("hsm/worker/a.cc", "#include <grpcpp/grpcpp.h>", "gRPC is spoken")

    def test_generated_messages_stay_out_of_metrics(self):
        self.assert_found("metrics/a.cc", '#include "proto/kmsv2.pb.h"', "gRPC is spoken")

    def test_project_headers_have_their_path_from_the_root(self):
        self.assert_found("server/a.cc", '#include "listener.h"', "path from the root")

    def test_permitted_includes_pass(self):
        self.plant("server/a.cc", '#include "server/a.h"\n#include <vector>\n#include "hsm/keyring.h"\n')
        self.plant("hsm/worker/a.cc", '#include "hsm/cryptoki/session.h"\n#include "base/error.h"\n')
        self.plant("test/token/a.cc", '#include <p11-kit/pkcs11.h>\n#include "hsm/provision/token.h"\n')
        self.assertEqual(list(layering.violations(self.root)), [])

    def test_a_header_that_needs_another_before_it_is_found(self):
        self.plant("base/alone.h", "#pragma once\n#include <string>\nstd::string Alone();\n")
        self.plant("base/needy.h", "#pragma once\nstd::string Needy();\n")
        self.assertEqual([name for name, _ in headers_alone.failures(self.root, [])], ["base/needy.h"])

    def test_a_header_that_its_own_source_includes_first_is_proved_by_the_build(self):
        self.plant("base/a.h", "#pragma once\n")
        self.plant("base/a.cc", '// why\n#include "base/a.h"\n')
        self.plant("base/b.h", "#pragma once\n")
        self.plant("base/b.cc", '#include <string>\n#include "base/b.h"\n')
        self.assertEqual(headers_alone.unproved(self.root), ["base/b.h"])

    def test_a_precompiled_header_proves_nothing(self):
        self.plant("server/a.h", "#pragma once\n")
        self.plant("server/a.cc", '#include "server/a.h"\n')
        self.plant("server/CMakeLists.txt", "target_precompile_headers(server PRIVATE <grpcpp/grpcpp.h>)\n")
        self.assertEqual(headers_alone.unproved(self.root), ["server/a.h"])


if __name__ == "__main__":
    unittest.main()
