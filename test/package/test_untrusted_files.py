# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Files from elsewhere run no code: checkpoints, bags, YAML and ONNX files are read or refused."""

from __future__ import annotations

import ast
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repository import REPO
from safetensors.torch import save_file

from surgsam2_ros.network import CheckpointError, ConfigError, load_config
from surgsam2_ros.network.checkpoint import read_state_dict
from surgsam2_ros.sources import BagWriter, SourceError, open_source

FUZZ = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
TENSORS = {'weight': torch.arange(64.0).reshape(8, 8), 'bias': torch.zeros(8)}


# What the code may call at all


def dangerous_calls(path: Path) -> Iterator[str]:
    """Yield the calls in a module that may run what a file contains."""
    forbidden = {
        'eval', 'exec', 'compile', 'os.system', 'os.popen', 'pickle.load', 'pickle.loads',
        'pickle.Unpickler', 'marshal.loads', 'shelve.open', 'yaml.load', 'yaml.unsafe_load',
        'yaml.full_load', 'yaml.load_all', 'torch.hub.load', 'joblib.load',
    }  # fmt: skip
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        options = {key.arg: ast.unparse(key.value) for key in node.keywords}
        if (
            name in forbidden
            or (name == 'torch.load' and options.get('weights_only') != 'True')
            or options.get('allow_pickle', 'False') != 'False'
            or options.get('shell', 'False') != 'False'
        ):
            yield f'{path.relative_to(REPO)}:{node.lineno}: {name}'


def test_no_module_calls_what_may_run_a_files_content():
    modules = [*REPO.glob('surgsam2_ros/**/*.py'), *REPO.glob('launch/*.py')]
    assert modules
    assert not [call for path in modules for call in dangerous_calls(path)]


# Checkpoints


class Bomb:
    """Runs a function of the standard library when it is unpickled the careless way."""

    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.fixture
def fuse(tmp_path) -> Path:
    """Give the file that a bomb makes when it goes off."""
    return tmp_path / 'went_off'


@pytest.mark.parametrize('wrapped', [False, True], ids=['bare', 'in a state dict'])
@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'before torch 1.6'])
@pytest.mark.parametrize('kind', ['system', 'exec', 'touch'])
def test_a_checkpoint_that_would_run_code_is_refused_by_name(tmp_path, fuse, kind, legacy, wrapped):
    bomb = {
        'system': Bomb(os.system, f'touch {fuse}'),
        'exec': Bomb(exec, f'open({str(fuse)!r}, "w")'),
        'touch': Bomb(Path.touch, fuse),
    }[kind]
    path = tmp_path / 'weights.pt'
    content = {'model': {**TENSORS, 'extra': bomb}} if wrapped else bomb
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r'weights\.pt'):
        read_state_dict(path)
    assert not fuse.exists()


def test_a_saved_training_step_that_would_run_code_is_refused_by_name(tmp_path, fuse):
    pytest.importorskip('lightning_fabric')
    from surgsam2_ros.training.config import TrainingConfigError
    from surgsam2_ros.training.reproduction import replay

    path = tmp_path / 'step.pt'
    torch.save({'config': Bomb(Path.touch, fuse)}, path)
    with pytest.raises(TrainingConfigError, match=r'step\.pt'):
        replay(path)
    assert not fuse.exists()


def test_the_bombs_go_off_where_they_are_let(fuse):
    pickle.loads(pickle.dumps(Bomb(Path.touch, fuse)))
    assert fuse.exists()


@pytest.mark.parametrize('suffix', ['.pt', '.safetensors'])
@FUZZ
@given(data=st.data())
def test_damaged_weights_are_read_or_refused_by_name(tmp_path, suffix, data):
    whole = tmp_path / f'whole{suffix}'
    if not whole.exists():
        save_file(TENSORS, whole) if suffix == '.safetensors' else torch.save(TENSORS, whole)
    path = tmp_path / f'weights{suffix}'
    path.write_bytes(damaged(data, whole.read_bytes()))
    try:
        state = read_state_dict(path)
    except CheckpointError as error:
        assert path.name in str(error)
    else:
        assert all(isinstance(value, torch.Tensor) for value in state.values())


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """Draw a copy that is cut short and has other bytes in places."""
    end = data.draw(st.integers(0, len(content)), label='end')
    changed = bytearray(content[:end])
    places = st.tuples(st.integers(0, max(end - 1, 0)), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=6), label='changes') if end else []:
        changed[place] = value
    return bytes(changed)


# YAML


@pytest.mark.parametrize(
    'text',
    [
        'name: !!python/object/apply:os.system ["touch {fuse}"]',
        'name: !!python/object/new:pathlib.Path [{fuse}]',
        '!!python/object/apply:builtins.exec ["open({fuse!r}, \'w\')"]',
        'name: !!python/name:os.system',
    ],
)
def test_yaml_that_would_run_code_is_refused_by_name(tmp_path, fuse, text):
    path = tmp_path / 'network.yaml'
    path.write_text(text.format(fuse=str(fuse)))
    with pytest.raises(ConfigError, match=r'network\.yaml'):
        load_config(path)
    assert not fuse.exists()


@FUZZ
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_no_configuration_is_refused_by_name(tmp_path, content):
    path = tmp_path / 'network.yaml'
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r'network\.yaml'):
        load_config(path)


# Bags


@pytest.mark.parametrize('suffix', ['.mcap', '.db3'])
@FUZZ
@given(data=st.data())
def test_damaged_bags_are_read_or_refused_by_name(tmp_path, suffix, data):
    whole = tmp_path / f'whole{suffix}'
    if not whole.exists():
        with BagWriter(whole) as bag:
            for stamp_ns in (1, 2):
                image = np.full((4, 6, 3), stamp_ns, np.uint8)
                bag.write_image('/camera', image, stamp_ns=stamp_ns, frame_id='', encoding='rgb8')
    path = tmp_path / f'bag{suffix}'
    path.write_bytes(damaged(data, whole.read_bytes()))
    try:
        with open_source(path) as source:
            frames = list(source)
    except SourceError as error:
        assert path.name in str(error)
    else:
        assert len(frames) <= 2


@pytest.mark.parametrize(
    'type_name',
    ['antigravity/msg/Image', 'os.path/msg/Image', '../evil/msg/Image', 'evil/msg/Image', '', 'x'],
)
def test_the_type_of_a_topic_imports_nothing_but_messages(tmp_path, monkeypatch, type_name):
    pytest.importorskip('rclpy')
    from surgsam2_ros.nodes.messages.message_classes import load_message_class

    (tmp_path / 'evil' / 'msg').mkdir(parents=True)
    (tmp_path / 'evil' / '__init__.py').write_text('raise SystemExit("ran")')
    (tmp_path / 'evil' / 'msg' / '__init__.py').write_text('class Image: pass')
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    with pytest.raises(LookupError):
        load_message_class(type_name)
    assert not {name for name in set(sys.modules) - before if name.startswith(('anti', 'evil'))}
    assert load_message_class('sensor_msgs/msg/Image').__name__ == 'Image'


# ONNX


@pytest.mark.parametrize('location', ['../secret.bin', 'beside.bin', '/etc/hostname'])
def test_an_onnx_file_makes_no_other_file_be_read(tmp_path, location):
    onnx = pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    from surgsam2_ros.engines.onnx_engine import OnnxSession
    from surgsam2_ros.tracking.engines import EngineError

    (tmp_path / 'secret.bin').write_bytes(bytes(64))
    weight = onnx.TensorProto(name='w', data_type=onnx.TensorProto.UINT8, dims=[4])
    weight.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (('location', location), ('offset', '0'), ('length', '4')):
        weight.external_data.add(key=key, value=value)
    made = onnx.helper.make_tensor_value_info('y', onnx.TensorProto.UINT8, [4])
    node = onnx.helper.make_node('Identity', ['w'], ['y'])
    graph = onnx.helper.make_graph([node], 'leak', [], [made], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid('', 17)])
    model.ir_version = 8
    folder = tmp_path / 'model'
    folder.mkdir()
    (folder / 'encoder.onnx').write_bytes(model.SerializeToString())
    (folder / 'beside.bin').write_bytes(bytes(64))
    with pytest.raises(EngineError, match=r'encoder\.onnx names another file'):
        OnnxSession(folder / 'encoder.onnx', torch.device('cpu'), 'auto')
