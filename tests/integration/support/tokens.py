# SPDX-License-Identifier: Apache-2.0
"""Access tokens made by hand (W-4.1), and broken in every way (4.2)."""
import base64
import hashlib
import hmac
import json
import time

ISSUER = "mini-im"
HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encode(header, payload, secret, alg="HS256"):
    """Signs header and payload: dicts, or text that is taken as it stands."""
    parts = [b64((p if isinstance(p, str) else json.dumps(p)).encode()) for p in (header, payload)]
    signed = ".".join(parts)
    mac = hmac.new(secret.encode(), signed.encode(), HASHES[alg]).digest()
    return f"{signed}.{b64(mac)}"


def claims(uid, ttl=3600, **more):
    """Claims of a good token; a value of None leaves the claim out."""
    now = int(time.time())
    all_claims = {"iss": ISSUER, "jti": "test", "iat": now, "exp": now + ttl, "uid": uid, "typ": "access"}
    all_claims.update(more)
    return {name: value for name, value in all_claims.items() if value is not None}


def sign(uid, secret, ttl=3600, alg="HS256", **more):
    return encode({"alg": alg}, claims(uid, ttl, **more), secret, alg)
