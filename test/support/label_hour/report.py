# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A run as JSON."""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any

from label_hour.run import Hour
from label_hour.samples import Sample
from label_hour.verdict import Limits
from surgsam2_ros.evaluation.runs.run_description import describe_hardware, describe_versions


def report_of(hour: Hour, limits: Limits, minutes: float, frames: int, seed: int) -> dict[str, Any]:
    """Return what a run tells, ready for JSON."""
    losses = [sentence for checked in hour.checked for sentence in checked.losses]
    samples = [one for life in hour.lives for one in life.samples]
    longest = max(hour.lives, key=lambda life: life.samples[-1].age_s if life.samples else 0.0)
    starts = [life.start_s for life in hour.lives]
    return {
        'schema': 1,
        'command': f'make label-hour MINUTES={minutes:g} FRAMES={frames} SEED={seed}',
        'hardware': describe_hardware('cpu'),
        'versions': describe_versions(),
        'frames': frames,
        'duration_s': round(hour.duration_s, 1),
        'kills': len(hour.checked),
        'acknowledged': hour.acknowledged,
        'done': hour.counted,
        'spent_s': {name: round(spent_s) for name, spent_s in hour.spent_s.items()},
        'tracked': hour.tracked,
        'checked': {
            'masks': sum(checked.masks for checked in hour.checked),
            'masks_at_the_end': hour.checked[-1].masks,
            'prompts_at_the_end': hour.checked[-1].prompts,
            'verdicts_at_the_end': hour.checked[-1].verdicts,
        },
        'lost': len(losses),
        'own_mb_of_lives': list(limits.own_mb),
        'own_mb_most': max(limits.own_mb),
        'own_growth_mb_per_10_min': limits.own_growth_mb_per_10_min,
        'own_growth_s': limits.own_growth_s,
        'longest_life_s': longest.samples[-1].age_s if longest.samples else 0.0,
        'descriptors': limits.descriptors,
        'threads': limits.threads,
        'labels_mb': max((one.labels_mb for one in samples), default=0.0),
        'files': max((one.files for one in samples), default=0),
        'exported_mb': max((one.exported_mb for one in samples), default=0.0),
        'start_s': {'first': round(starts[0], 1), 'last': round(starts[-1], 1)},
        'findings': [*losses, *hour.complaints, *limits.findings],
        'sample_columns': [field.name for field in fields(Sample)],
        'lives': [
            {
                'start_s': round(life.start_s, 1),
                'ended_s': round(life.ended_s, 1),
                'samples': [list(astuple(one)) for one in life.samples],
            }
            for life in hour.lives
        ],
    }
