"""A second kind of device for tests without one: PyTorch's ``meta`` device, with values.

Inside :func:`second_device`, a tensor that is made on or moved to the device ``meta`` says that it
is there, and computes on the processor what the processor would compute, to the bit. As on a GPU,
an operation on tensors of different devices is an error, except with a number of the processor
without dimensions, and so is reading the values of a tensor as an array without ``.cpu()``.

>>> with second_device() as device:
...     float((torch.ones(3, device=device) * 2).sum())
6.0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map, tree_map_only

NAME = "meta"
_COPIES = ("aten::_to_copy", "aten::copy_")
_VALUES = ("aten::_local_scalar_dense", "aten::equal", "aten::is_nonzero", "aten::nonzero")


class WrongDeviceError(AssertionError):
    """Tensors of two devices meet in one operation."""


class FarTensor(torch.Tensor):
    """A tensor on the second device; ``near`` is its content on the processor."""

    near: torch.Tensor

    @staticmethod
    def __new__(cls, near: torch.Tensor) -> FarTensor:
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            near.size(),
            strides=near.stride(),
            storage_offset=near.storage_offset(),
            dtype=near.dtype,
            layout=near.layout,
            device=NAME,
            requires_grad=near.requires_grad,
        )

    def __init__(self, near: torch.Tensor) -> None:
        self.near = near.detach()

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["near"], None

    @staticmethod
    def __tensor_unflatten__(inner: dict[str, torch.Tensor], *rest: Any) -> FarTensor:
        return FarTensor(inner["near"])

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        return f"far({self.near!r})"

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise WrongDeviceError("an array of a tensor on the second device: .cpu() is missing")

    def __array__(self, *_: Any, **__: Any) -> Any:
        return self.numpy()

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        return _run(func, args, kwargs or {})


class _Device(TorchDispatchMode):
    """Makes tensors of ``device="meta"`` far ones, and counts what the host waits for."""

    def __init__(self, waits: Counter[str]) -> None:
        super().__init__()
        self._waits = waits

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name
        if func._can_decompose() and torch.is_inference_mode_enabled():
            with self:  # Such operations arrive whole in inference mode.
                return func.decompose(*args, **kwargs)
        if _waits(name, args, kwargs):
            self._waits[name] += 1
        return _run(func, args, kwargs)


def _waits(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the host of a GPU would wait for the result of an operation."""
    given = [x for x in tree_flatten(args)[0] if isinstance(x, torch.Tensor)]
    if not any(isinstance(x, FarTensor) for x in given):
        return False
    device = kwargs.get("device")
    if device is not None and torch.device(device).type != NAME:
        return True
    by_mask = name.startswith("aten::index") and any(x.dtype == torch.bool for x in given[1:])
    return name in _VALUES or by_mask


@torch.inference_mode(False)
@torch.no_grad()
def _run(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute on the processor, and wrap what belongs to the second device.

    Inference mode, which the caller may be in, refuses views of what was made outside of it.
    """
    name = func._schema.name
    given = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
    far = any(isinstance(x, FarTensor) for x in given)
    if any(x.device.type == NAME and not isinstance(x, FarTensor) for x in given):
        raise WrongDeviceError(f"{name}: a list as index, whose numbers are not known here")
    wanted = kwargs.get("device")
    if wanted is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if name not in _COPIES and far:
        _check(name, given)
    near_args, near_kwargs = tree_map_only(FarTensor, lambda x: x.near, (args, kwargs))
    out = func(*near_args, **near_kwargs)
    to_far = torch.device(wanted).type == NAME if wanted is not None else far
    if name == "aten::copy_":
        return args[0]
    if not to_far:
        if wanted is not None and far and out is not None:
            return tree_map(_own, out)
        return out
    wrapped = tree_map_only(torch.Tensor, FarTensor, out)
    return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _own(x: Any) -> Any:
    """A copy of a near tensor, which must not share memory with a far one."""
    return x.clone() if isinstance(x, torch.Tensor) else x


def _check(name: str, given: list[torch.Tensor]) -> None:
    if name in ("aten::index.Tensor", "aten::index", "aten::index_put", "aten::index_put_"):
        # As on a GPU: indices may be on the processor, what is indexed decides.
        given = given[:1] + [x for x in given[1:] if x.dtype.is_floating_point]
    wrong = [x for x in given if not isinstance(x, FarTensor) and x.dim() > 0]
    if wrong:
        raise WrongDeviceError(
            f"{name}: tensors of shapes {[tuple(x.shape) for x in wrong]} are on the processor"
        )


class _NumbersToTensors(TorchFunctionMode):
    """``torch.tensor(…, device="meta")`` makes tensors without going through the device."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in (torch.tensor, torch.as_tensor) and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return func(*args, **kwargs).to(device)
        return func(*args, **kwargs)


@contextmanager
def second_device(waits: Counter[str] | None = None) -> Iterator[torch.device]:
    """The device, while it can be used.

    Args:
        waits: gets the number of operations, by name, for whose result the host of a GPU would
            wait: numbers that are read, copies to the processor, and selections by a mask.
    """
    with _Device(Counter() if waits is None else waits), _NumbersToTensors():
        yield torch.device(NAME)
