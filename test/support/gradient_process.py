# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One process of a training: takes a step and saves the gradients. Arguments: config, output."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from surgsam2_ros.training.batches import steps_from
from surgsam2_ros.training.config import load_training_config
from surgsam2_ros.training.distributed import create_fabric, gather
from surgsam2_ros.training.loop import Run

config, output = load_training_config(sys.argv[1]), Path(sys.argv[2])
fabric = create_fabric(config)
fabric.launch()
run = Run(config, output, fabric)
trainer = run.trainer
place = {'rank': fabric.global_rank, 'world': fabric.world_size}
draws = steps_from(0, trainer.frames_of, config, run.data, **place)
terms = trainer.step(next(draws))
gradients = {name: parameter.grad for name, parameter in trainer.modules.named_parameters()}
names = [name for group in next(draws) for clip in group.clips for name in clip.names]
content = {'gradients': gradients, 'terms': terms, 'names': names, **place}
content['gathered'] = gather(fabric, [f'{fabric.global_rank}a', f'{fabric.global_rank}b'])
torch.save(content, output / f'process_{fabric.global_rank}.pt')
fabric.barrier()
