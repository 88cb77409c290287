"""What an authenticator application shows."""
import base64
import hmac
import struct
import time


def totp(secret, later_s=0):
    """RFC 6238 with SHA-1, 6 digits, 30 s. `secret` in base 32."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, struct.pack(">Q", int(time.time() + later_s) // 30), "sha1")
    at = digest[-1] & 15
    return f"{(int.from_bytes(digest[at:at + 4], 'big') & 0x7fffffff) % 1_000_000:06}"
