# SPDX-License-Identifier: Apache-2.0
"""Each scheme once behind a real kube-apiserver: what it stores opens after a cold start."""

from harness.service import Service
from harness.token import NssToken
from test_kube import PREFIX, KubeTestCase, stored_fields

# The second byte of a stored ciphertext (FORMATS: scheme).
AES_GCM, AES_KWP, AES_CBC_HMAC, RSA_OAEP_HMAC, RSA_OAEP_SIGN = 1, 3, 4, 5, 6


class KubeSchemesTest(KubeTestCase):
    KUBE = True
    SERIAL = True
    TIMEOUT = 300

    def serve(self, scheme, token=None, iv_mode="auto"):
        service = Service(self, token=token, with_key=False)
        service.keyring_settings["scheme"] = scheme
        service.token_settings["ivMode"] = iv_mode
        if token is not None:
            service.token_settings |= token.settings
            # NSS says of keys that it made itself that they are not local.
            service.keyring_settings["policy"] = {"waive": {"hsm-a": ["CKA_LOCAL"]}}
        service.write_config()
        service.create_key()
        service.start()
        return service

    def a_cluster_keeps_its_secrets(self, service, scheme_id):
        self.start_cluster(self.encryption_config(service.socket))
        self.create_secrets(10)
        self.api.restart()
        self.create_secrets(10)
        self.api.restart()
        self.assert_all_read_back()
        for value in self.stored().values():
            self.assertTrue(value.startswith(PREFIX))
        for seed in self.wrapped_seeds():
            self.assertEqual(seed[1], scheme_id)
        self.assertGreaterEqual(len(self.wrapped_seeds()), 2)

    def nss(self):
        return NssToken(self.dir / "nss")

    def test_aes_gcm_on_softhsm(self):
        self.a_cluster_keeps_its_secrets(self.serve("aes-gcm"), AES_GCM)

    def test_aes_cbc_hmac_on_softhsm(self):
        self.a_cluster_keeps_its_secrets(self.serve("aes-cbc-hmac"), AES_CBC_HMAC)

    def test_aes_kwp_on_nss(self):
        self.a_cluster_keeps_its_secrets(self.serve("aes-kwp", self.nss()), AES_KWP)

    def test_aes_gcm_with_ivs_by_messages_on_nss(self):
        self.a_cluster_keeps_its_secrets(self.serve("aes-gcm", self.nss(), "message-random"), AES_GCM)

    def test_rsa_oaep_hmac_on_nss(self):
        self.a_cluster_keeps_its_secrets(self.serve("rsa-oaep-hmac", self.nss()), RSA_OAEP_HMAC)

    def test_rsa_oaep_sign_on_nss(self):
        self.a_cluster_keeps_its_secrets(self.serve("rsa-oaep-sign", self.nss()), RSA_OAEP_SIGN)
