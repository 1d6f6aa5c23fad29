"""An independent COSE (pycose) on the other side of the tests: verifies ours, and signs for us.

verify: {"object": hex, "keys": [COSE_Key hex, ...]} -> {"valid": [bool, ...], "contentType": text, "thumbprints": [hex, ...]}
sign:   {"payload": hex, "contentType": text, "algorithms": ["es256"|"ed25519", ...]}
        -> {"object": hex, "keys": [{"algorithm": "es256"|"ed25519", "bytes": hex}, ...]}
unwrap: {"object": hex, "fleet": hex, "device": {"x": hex, "y": hex, "d": hex}} -> {"fleet": hex, "device": hex}
wrap:   {"contentKey": hex, "fleet": hex, "device": {"x": hex, "y": hex}}
        -> {"fleet": hex, "protected": hex, "ephemeral": hex, "device": hex}
"""
import hashlib
import json
import sys

import cbor2
from pycose.algorithms import A256GCM, A256KW, EcdhEsA256KW, EdDSA, Es256
from pycose.headers import KID, Algorithm, ContentType, EphemeralKey, StaticKey
from pycose.keys import CoseKey, EC2Key, OKPKey, SymmetricKey
from pycose.keys.curves import P256, Ed25519
from pycose.keys.keyops import UnwrapOp, WrapOp
from pycose.keys.keyparam import KpAlg, KpKeyOps
from pycose.messages import SignMessage
from pycose.messages.recipient import KeyAgreementWithKeyWrap, KeyWrap
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
    signers, keys = [], []
    for algorithm in request["algorithms"]:
        if algorithm == "es256":
            key = EC2Key.generate_key(crv=P256)
            public, raw, used = {1: 2, -1: 1, -2: key.x, -3: key.y}, key.x + key.y, Es256
        else:
            key = OKPKey.generate_key(crv=Ed25519)
            public, raw, used = {1: 1, -1: 6, -2: key.x}, key.x, EdDSA
        signers.append(CoseSignature(phdr={Algorithm: used, KID: thumbprint(cbor2.dumps(public))[:8]}, key=key))
        keys.append({"algorithm": algorithm, "bytes": raw.hex()})
    message = SignMessage(phdr={ContentType: request["contentType"]}, payload=bytes.fromhex(request["payload"]), signers=signers)
    return {"object": message.encode().hex(), "keys": keys}


def unwrap(request):
    """The content key of each recipient of a COSE_Encrypt object, one of each kind."""
    tagged = cbor2.loads(bytes.fromhex(request["object"]))
    assert tagged.tag == 96 and tagged.value[2] is None
    found = {}
    for protected, unprotected, wrapped in tagged.value[3]:
        if protected == b"":
            recipient = KeyWrap.from_cose_obj([protected, dict(unprotected), wrapped], True)
            key = SymmetricKey(k=bytes.fromhex(request["fleet"]), optional_params={KpAlg: A256KW, KpKeyOps: [UnwrapOp]})
            assert recipient.get_attr(Algorithm) == A256KW
            found["fleet"] = A256KW.key_unwrap(key, wrapped).hex()
        else:
            headers = {label: dict(value) if label == -1 else value for label, value in unprotected.items()}
            recipient = KeyAgreementWithKeyWrap.from_cose_obj([protected, headers, wrapped], True)
            device = {name: bytes.fromhex(value) for name, value in request["device"].items()}
            recipient.key = EC2Key(crv=P256, **device)
            found["device"] = recipient.decrypt(A256GCM).hex()
    return found


def wrap(request):
    content = bytes.fromhex(request["contentKey"])
    device = {name: bytes.fromhex(value) for name, value in request["device"].items()}
    fleet = SymmetricKey(k=bytes.fromhex(request["fleet"]), optional_params={KpAlg: A256KW, KpKeyOps: [WrapOp]})
    agreement = KeyAgreementWithKeyWrap(phdr={Algorithm: EcdhEsA256KW}, payload=content)
    agreement.local_attrs = {StaticKey: EC2Key(crv=P256, **device)}
    encoded = agreement.encode()
    ephemeral = agreement.key
    return {
        "fleet": A256KW.key_wrap(fleet, content).hex(),
        "protected": encoded[0].hex(), "ephemeral": (ephemeral.x + ephemeral.y).hex(), "device": encoded[2].hex(),
    }


verbs = {"verify": verify, "sign": sign, "unwrap": unwrap, "wrap": wrap}
json.dump(verbs[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
