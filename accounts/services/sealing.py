"""Encryption of personal data: see core/sealing.py, whose keys all rooms share."""

from core.sealing import key_id, seal, unseal, use

__all__ = ["key_id", "seal", "unseal", "use"]
