# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a stored result says of the network that made it."""

from __future__ import annotations

import hashlib

from repository import REPO

from surgsam2_ros.evaluation.runs.run_description import describe_model
from surgsam2_ros.evaluation.runs.settings import NetworkChoice

CONFIG = 'models/surgsam2_nano_320.yaml'


def test_files_of_the_working_directory_are_named_from_there(monkeypatch, tmp_path):
    choice = NetworkChoice(REPO / CONFIG)
    monkeypatch.chdir(REPO)
    model = describe_model(choice)
    assert model['config'] == CONFIG
    weights = (REPO / model['checkpoint']).read_bytes()
    assert model['checkpoint'].startswith('models/')
    assert model['sha256'] == hashlib.sha256(weights).hexdigest()
    monkeypatch.chdir(tmp_path)
    assert describe_model(choice)['config'] == str(REPO / CONFIG)
