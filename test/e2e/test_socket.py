# SPDX-License-Identifier: Apache-2.0
"""What may be at the socket's path, and who may connect to it."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import unittest

from harness import TestCase, eventually, http2, kms
from harness.paths import MORTISE
from harness.process import as_root
from harness.service import Service

USAGE = 2  # the exit code


class SocketFileTest(TestCase):
    def setUp(self):
        super().setUp()
        self.service = Service(self)
        self.socket = self.service.socket

    def assert_refuses_to_start(self, *words):
        front = self.service.launch()
        self.assertEqual(front.wait(15), USAGE, front.text())
        for word in words:
            self.assertIn(word, front.text())

    def test_the_socket_has_the_configured_mode_under_any_umask(self):
        for umask in (0o000, 0o077):
            before = os.umask(umask)
            self.addCleanup(os.umask, before)
            self.service.keyring_settings["socketMode"] = "0660"
            self.service.start()
            os.umask(before)
            self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o660)
            self.service.front.stop()

    def test_a_stop_removes_the_socket(self):
        front = self.service.start()
        self.assertEqual(front.stop(), 0)
        self.assertFalse(self.socket.exists())

    def test_a_stale_socket_is_replaced(self):
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(self.socket))
        dead.close()
        self.service.start()

    def test_a_killed_front_is_started_again_over_its_own_socket(self):
        self.service.start().kill()
        self.assertTrue(self.socket.exists())
        self.service.start()

    def test_a_live_socket_is_refused_and_its_owner_keeps_working(self):
        first = self.service.start()
        self.assert_refuses_to_start(str(self.socket))
        self.assertTrue(first.is_running())
        with self.service.client() as client:
            self.assertTrue(kms.is_healthy(client))

    def test_a_plain_file_is_refused_and_untouched(self):
        self.socket.write_text("precious")
        self.assert_refuses_to_start(str(self.socket))
        self.assertEqual(self.socket.read_text(), "precious")

    def test_a_folder_is_refused_and_untouched(self):
        self.socket.mkdir()
        self.assert_refuses_to_start(str(self.socket))
        self.assertTrue(self.socket.is_dir())

    def test_a_fifo_is_refused_and_untouched(self):
        os.mkfifo(self.socket)
        self.assert_refuses_to_start(str(self.socket))
        self.assertTrue(self.socket.is_fifo())

    def test_a_link_is_refused_and_its_target_untouched(self):
        target = self.dir / "target"
        target.write_text("precious")
        self.socket.symlink_to(target)
        self.assert_refuses_to_start(str(self.socket), "symbolic link")
        self.assertEqual(target.read_text(), "precious")
        target.unlink()
        self.assert_refuses_to_start(str(self.socket), "symbolic link")
        self.assertTrue(self.socket.is_symlink())
        self.assertFalse(target.exists())

    def test_a_path_over_107_bytes_is_refused_with_the_limit(self):
        self.service.keyring_settings["socket"] = str(self.dir / ("s" * 100) / "kms.sock")
        self.assert_refuses_to_start("107")

    def test_a_folder_that_others_may_write_is_refused(self):
        open_folder = self.dir / "open"
        open_folder.mkdir()
        open_folder.chmod(0o777)
        self.service.keyring_settings["socket"] = str(open_folder / "kms.sock")
        front = self.service.launch()
        self.assertNotEqual(front.wait(15), 0)
        self.assertIn(str(open_folder), front.text())

    def test_a_socket_that_someone_deletes_is_bound_anew(self):
        self.service.start()
        self.socket.unlink()
        eventually(self.socket.exists, 5, "the socket is back")
        self.service.wait_until_healthy()

    def test_anything_else_found_at_the_path_is_left_alone(self):
        front = self.service.start()
        self.socket.unlink()
        self.socket.write_text("precious")
        eventually(lambda: '"level":"error"' in front.text() or "socket" in front.text(), 5, "it is logged")
        self.assertEqual(self.socket.read_text(), "precious")
        self.assertEqual(front.stop(), 0)
        self.assertEqual(self.socket.read_text(), "precious")


# Starts what follows the path with a listening socket as systemd hands one over.
HANDED_OVER = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[2], sys.argv[2:])
"""


class SocketActivationTest(TestCase):
    def test_a_socket_that_systemd_hands_over_is_neither_used_nor_removed(self):
        service = Service(self)
        service.write_config()
        offered = self.dir / "offered.sock"
        front = self.start([sys.executable, "-c", HANDED_OVER, offered, MORTISE, "serve", "--config",
                            service.config_file], "offered.log")
        service.wait_until_healthy()
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(1)
        connection.connect(str(offered))
        connection.sendall(http2.hello())
        self.assertRaises(TimeoutError, connection.recv, 1)
        self.assertEqual(front.stop(), 0)
        self.assertTrue(offered.is_socket())
        self.assertFalse(service.socket.exists())


# Run as another user: connects and prints what the plugin lets it read.
STRANGER = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(sys.argv[1])
try:
    s.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0,0,0,4,0,0,0,0,0]))
    print("closed" if s.recv(100) == b"" else "served")
except OSError:
    print("closed")
"""


class PeerTest(TestCase):
    def test_a_caller_of_another_uid_is_closed_before_any_call_and_logged(self):
        service = Service(self)
        self.dir.chmod(0o755)
        service.keyring_settings["socketMode"] = "0666"
        front = service.start()
        if subprocess.run(as_root(["true"]), capture_output=True).returncode != 0:
            raise unittest.SkipTest("needs root or sudo, to be another user")
        command = as_root([sys.executable, "-c", STRANGER, str(service.socket)])
        self.assertEqual(subprocess.check_output(command, text=True).strip(), "closed")
        told = next(line for line in map(json.loads, front.text().splitlines()) if line.get("event") == "peer_rejected")
        self.assertEqual(told["peer_uid"], "65534")
        self.assertTrue(int(told["peer_pid"]))
        service.wait_until_healthy()


class ConnectionTest(TestCase):
    SERIAL = True

    def setUp(self):
        super().setUp()
        self.service = Service(self)

    def connect(self, first_bytes=b""):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(15)
        connection.connect(str(self.service.socket))
        if first_bytes:
            try:
                connection.sendall(first_bytes)
            except OSError:
                pass
        return connection

    def assert_serves(self):
        with self.service.client() as client:
            seed = kms.new_seed()
            self.assertEqual(client.decrypt(client.encrypt(seed)), seed)

    def descriptors(self):
        listing = subprocess.check_output(as_root(["ls", f"/proc/{self.service.front.pid}/fd"]), text=True)
        return len(listing.split())

    def test_garbage_bytes_disturb_nobody(self):
        front = self.service.start()
        for garbage in (b"\0", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), http2.PREFACE + b"\xff\xff\xff"):
            self.connect(garbage)
            self.assert_serves()
        self.assertTrue(front.is_running())

    def test_the_headers_of_cve_2023_1428_end_nothing(self):
        front = self.service.start()
        for changed in ([], [(b"te", b"x")], [(b":scheme", b"x")], [(b"grpclb_client_stats", b"x")]):
            connection = self.connect(http2.hello() + http2.call(b"/v2.KeyManagementService/Status", changed))
            self.assertTrue(connection.recv(1), f"{changed} is answered")
            connection.close()
            self.assert_serves()
            self.assertTrue(front.is_running(), changed)

    def test_five_hundred_idle_connections_disturb_nobody(self):
        self.service.start()
        for _ in range(500):
            self.connect()
        self.assert_serves()

    def test_a_client_that_says_nothing_is_closed(self):
        self.service.start()
        self.assertEqual(self.connect().recv(1), b"")

    def test_two_thousand_connections_come_and_go_and_leave_nothing(self):
        self.service.start()
        self.assert_serves()
        before = self.descriptors()
        for number in range(2000):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(self.service.socket))
            if number % 2:
                connection.sendall(http2.hello())
            connection.close()
        self.assert_serves()
        eventually(lambda: self.descriptors() <= before + 10, 20, f"no more than {before} descriptors and a few")

    def test_being_out_of_descriptors_ends_nothing(self):
        front = self.service.start()
        prlimit = shutil.which("prlimit")
        subprocess.run(as_root([prlimit, "--pid", str(front.pid), f"--nofile={self.descriptors() + 20}"]), check=True)
        flood = [self.connect() for _ in range(100)]
        for connection in flood:
            connection.close()
        eventually(lambda: kms.outcome(self.assert_serves)[0] == kms.OK, 20, "new connections are served again")
        self.assertTrue(front.is_running())
