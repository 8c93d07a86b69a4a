# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Two ways to attend to a memory: joined projections on a CPU, flash kernels on a GPU."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from pretend_gpu import pretend_gpu
from tiny_network import noise_frames, tiny_network

from surgsam2_ros.network.checkpoint import use_mixed_precision
from surgsam2_ros.network.memory_attention import RotaryAttention
from surgsam2_ros.tracking import Prompt, StreamingTracker

WIDEST_HEAD = 256  # channels, of flash attention


def noise(*shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('heads', [1, 2])
@pytest.mark.parametrize('masked', [False, True])
def test_values_may_be_projected_before_or_after(monkeypatch, heads, masked):
    torch.manual_seed(0)
    attention = RotaryAttention(32, heads, key_dim=16).eval()
    width = 32 // heads
    q, k = noise(1, heads, 9, width, seed=0), noise(3, heads, 20, width, seed=1)
    v = noise(3, 20, 16, seed=2)
    mask = (noise(3, 1, 1, 20, seed=3) > 0) if masked else None
    with torch.inference_mode():
        after = attention.attend(q, k, v, mask)
        monkeypatch.setattr(RotaryAttention, 'projects_first', lambda *_: True)
        before = attention.attend(q, k, v, mask)
    torch.testing.assert_close(before, after, atol=1e-6, rtol=1e-5)


def refusal(q, k, v, mask) -> str:
    """Why PyTorch's flash kernels would refuse these, empty when they would not.

    The conditions of `use_flash_attention` in its sdp_utils.cpp; a PyTorch for CPUs says no to
    everything, so that it cannot be asked.
    """
    if mask is not None:
        return 'there is a mask'
    if {x.dim() for x in (q, k, v)} != {4}:
        return 'not of rank 4'
    if not {x.dtype for x in (q, k, v)} <= {torch.float16, torch.bfloat16}:
        return 'not in half precision'
    if not q.shape[-1] == k.shape[-1] == v.shape[-1] <= WIDEST_HEAD:
        return f'widths {q.shape[-1]}, {k.shape[-1]} and {v.shape[-1]}'
    if not q.shape[:2] == k.shape[:2] == v.shape[:2]:
        return 'batches or heads differ'
    if any(x.stride(-1) != 1 for x in (q, k, v)):
        return 'channels are apart'
    return ''


def test_the_oracle_refuses_what_flash_kernels_do():
    q, v = (torch.zeros(1, 1, 4, width, dtype=torch.bfloat16) for width in (256, 64))
    assert refusal(q, q, q, None) == ''
    assert refusal(q, q, v, None) == 'widths 256, 256 and 64'
    assert refusal(q, q, q, torch.ones(1, 1, 1, 4)) == 'there is a mask'
    assert refusal(q.float(), q.float(), q.float(), None) == 'not in half precision'


@pytest.mark.parametrize('as_on_a_cpu', [False, True])
def test_in_the_steady_state_of_a_gpu_the_memory_attention_fits_flash_kernels(
    monkeypatch, as_on_a_cpu
):
    asked = []
    attend, sdpa = RotaryAttention.attend, F.scaled_dot_product_attention

    def watched(*arguments):
        def note(q, k, v, attn_mask=None, **options):
            asked.append(refusal(q, k, v, attn_mask))
            return sdpa(q, k, v, attn_mask=attn_mask, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(F, 'scaled_dot_product_attention', note)
            return attend(*arguments)

    monkeypatch.setattr(RotaryAttention, 'attend', watched)
    if as_on_a_cpu:
        monkeypatch.setattr(RotaryAttention, 'projects_first', lambda *_: False)
    with pretend_gpu() as gpu:
        network = tiny_network(num_frame_to_prune=2)
        use_mixed_precision(network, torch.bfloat16)
        tracker = StreamingTracker(gpu.move(network))
        tracker.add_objects([Prompt(str(n), box=(5, 5, 30, 30)) for n in range(2)])
        for rgb in noise_frames(3):
            tracker.track(rgb)
    assert len(asked) == 2 * 2, 'itself and the memory, in each frame after the first'
    assert set(asked) == ({'', 'widths 32, 32 and 16'} if as_on_a_cpu else {''})
