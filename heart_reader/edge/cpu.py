"""What a device's processor can do with 8-bit integers."""

from __future__ import annotations

from pathlib import Path

__all__ = ["dot_product", "integer_advice"]

# As Linux names them: x86 (AVX-512 VNNI, AVX VNNI) and ARM (SDOT, int8 matrix product).
INSTRUCTIONS = ("avx512_vnni", "avx_vnni", "asimddp", "i8mm")
CPUINFO = Path("/proc/cpuinfo")


def dot_product(cpuinfo: str | None = None) -> str | None:
    """Return the processor's instruction for products of 8-bit integers, an empty string for none,
    None where it is not known.

    Examples
    --------
    >>> dot_product("flags : fma avx2 avx512_vnni"), dot_product("flags : fma avx2"), dot_product("")
    ('avx512_vnni', '', None)
    """
    if cpuinfo is None:
        cpuinfo = CPUINFO.read_text(encoding="utf-8") if CPUINFO.exists() else ""
    lines = [line.partition(":")[2].split() for line in cpuinfo.splitlines() if line.lower().startswith(("flags", "features"))]
    if not lines:
        return None
    return next((name for name in INSTRUCTIONS if name in lines[0]), "")


def integer_advice(activations: str | None, instruction: str | None) -> str | None:
    """Return what someone should know who runs an 8-bit checkpoint on this processor, None where
    there is nothing to say.

    Parameters
    ----------
    activations
        ``uint8`` or ``int8``, None for a checkpoint in float.
    instruction
        From :func:`dot_product`.
    """
    if activations is None or instruction is None:
        return None
    if instruction == "":
        return (
            "this processor has no instruction for 8-bit products (VNNI, SDOT): results stay valid only with 7-bit weights or signed "
            "activations, and float32 may be as fast: export with --set export.quantization.reduce_range=true or "
            "--set export.quantization.activations=int8, or read with the fp32 checkpoint"
        )
    if instruction in ("asimddp", "i8mm") and activations == "uint8":
        return "exported for x86; on ARM signed activations are faster: export with --set export.quantization.activations=int8"
    return None
