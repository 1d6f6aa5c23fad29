"""An independent COSE (pycose) on the other side of the tests: verifies ours, and signs for us.

verify: {"object": hex, "keys": [COSE_Key hex, ...]} -> {"valid": [bool, ...], "contentType": text, "thumbprints": [hex, ...]}
sign:   {"payload": hex, "contentType": text} -> {"object": hex, "keys": [{"algorithm": "es256"|"ed25519", "bytes": hex}, ...]}
"""
import hashlib
import json
import sys

import cbor2
from pycose.algorithms import EdDSA, Es256
from pycose.headers import KID, Algorithm, ContentType
from pycose.keys import CoseKey, EC2Key, OKPKey
from pycose.keys.curves import P256, Ed25519
from pycose.messages import SignMessage
from pycose.messages.signer import CoseSignature


def thumbprint(encoded):
    """RFC 9679, of a COSE_Key with whatever members."""
    key = cbor2.loads(encoded)
    required = {1: (1, -1, -2), 2: (1, -1, -2, -3)}[key[1]]
    return hashlib.sha256(cbor2.dumps({label: key[label] for label in required}, canonical=True)).digest()


def decode(encoded):
    """What CoseMessage.decode does; but pycose 1.1 wants lists where cbor2 6 gives tuples."""
    tagged = cbor2.loads(encoded)
    assert tagged.tag == SignMessage.cbor_tag
    *head, signatures = tagged.value
    return SignMessage.from_cose_obj([*map(thaw, head), [[*map(thaw, signature)] for signature in signatures]], True)


def thaw(item):
    return item if isinstance(item, bytes) else dict(item)


def verify(request):
    message = decode(bytes.fromhex(request["object"]))
    encoded = [bytes.fromhex(key) for key in request["keys"]]
    keys = {thumbprint(key)[:8]: CoseKey.decode(key) for key in encoded}
    valid = []
    for signer in message.signers:
        signer.key = keys[signer.phdr[KID]]
        valid.append(bool(signer.verify_signature()))
    return {"valid": valid, "contentType": message.phdr[ContentType], "thumbprints": [thumbprint(key).hex() for key in encoded]}


def sign(request):
    elliptic, edwards = EC2Key.generate_key(crv=P256), OKPKey.generate_key(crv=Ed25519)
    publics = [{1: 2, -1: 1, -2: elliptic.x, -3: elliptic.y}, {1: 1, -1: 6, -2: edwards.x}]
    signers = [
        CoseSignature(phdr={Algorithm: algorithm, KID: thumbprint(cbor2.dumps(public))[:8]}, key=key)
        for algorithm, key, public in ((Es256, elliptic, publics[0]), (EdDSA, edwards, publics[1]))
    ]
    message = SignMessage(phdr={ContentType: request["contentType"]}, payload=bytes.fromhex(request["payload"]), signers=signers)
    return {
        "object": message.encode().hex(),
        "keys": [
            {"algorithm": "es256", "bytes": (elliptic.x + elliptic.y).hex()},
            {"algorithm": "ed25519", "bytes": edwards.x.hex()},
        ],
    }


json.dump({"verify": verify, "sign": sign}[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
