"""Who made a checkpoint: signatures (Ed25519) beside its manifest, and the keys that are trusted to
make them.
"""

from heart_reader.signing.keys import TRUSTED_KEYS, TrustedKeys, named_keys
from heart_reader.signing.signature import check_signature, sign_checkpoint, signature_facts

__all__ = ["TRUSTED_KEYS", "TrustedKeys", "check_signature", "named_keys", "sign_checkpoint", "signature_facts"]
