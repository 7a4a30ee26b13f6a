"""An ONNX file in int8: dynamic quantisation of matrix products, embeddings left in float."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from kdnas.errors import UserError
from kdnas.runtimes.base import needs
from kdnas.runtimes.instructions import cpu_flags
from kdnas.sentences import reason

# embeddings are read, not multiplied: in int8 they would cost quality and gain no time
OPERATORS = ["MatMul", "Gemm", "Attention"]
_LAYER = re.compile(r"/layers?\.(\d+)/")  # in the names of an exported encoder's nodes
_SUMS_IN_16_BITS = {"avx2", "avx512f"}


def needs_reduced_range(flags: set[str]) -> bool:
    """Tell whether weights have to keep to 7 bits: an x86 CPU without VNNI adds products up in 16 bits."""
    return bool(flags & _SUMS_IN_16_BITS) and not any(flag.endswith("vnni") for flag in flags)


def quantise(
    source: Path, target: Path, *, reduce_range: bool, per_channel: bool = True, float_layers: int = 0
) -> None:
    """Write the int8 form of the ONNX file ``source`` to ``target``.

    Matrix products take int8 weights, scaled by output channel unless ``per_channel`` is False, and inputs
    that are scaled as they come. With ``float_layers`` so many of the last layers, and then the head too,
    stay in float32. Raises UserError if it cannot be quantised.
    """
    needs("onnx", "onnxruntime")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a preparation that changes nothing here
    try:
        quantize_dynamic(
            source,
            target,
            weight_type=QuantType.QInt8,
            per_channel=per_channel,
            reduce_range=reduce_range,
            op_types_to_quantize=OPERATORS,
            nodes_to_exclude=_last_products(source, float_layers) if float_layers else None,
        )
    except OSError:
        raise
    except Exception as error:  # of many kinds: it is protobuf's, onnx's and onnxruntime's code
        raise UserError(f"{source} cannot be quantised to int8 ({reason(error)})") from error
    finally:
        root.setLevel(level)


def _last_products(file: Path, layers: int) -> list[str]:
    """Return the names of the matrix products in the last ``layers`` layers of an ONNX file and its head."""
    import onnx

    products = [node.name for node in onnx.load(file).graph.node if node.op_type in OPERATORS]
    places = {name: int(found[1]) for name in products if (found := _LAYER.search(name))}
    first = max(places.values()) + 1 - layers
    kept = [name for name in products if places.get(name, first) >= first]
    return [*kept, *(f"{name}_MatMul" for name in kept)]  # what a Gemm becomes before it is quantised


def quantise_quickly(source: Path, target: Path) -> None:
    """Write an int8 form as fast as that of :func:`quantise`, but less precise, in a fifth of the time.

    Weights are scaled by matrix, not by channel. Raises UserError if it cannot be quantised.
    """
    quantise(source, target, reduce_range=needs_reduced_range(cpu_flags()), per_channel=False)
