# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameter schema: every default allowed, every wrong value refused with its reason."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip('rclpy')
import rclpy
from rclpy.node import Node
from rclpy.parameter import Parameter

from surgsam2_ros.nodes.tracker.parameters import (
    ParameterError,
    Parameters,
    check_parameters,
    declare_parameters,
    parameter_schema,
    read_parameters,
)


@pytest.fixture
def make_node():
    """Give a function that makes a node with parameter overrides, in a context of its own."""
    context = rclpy.Context()
    rclpy.init(context=context, args=[])
    nodes = []

    def make(cli_args=None, **overrides) -> Node:
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        name = f'node_{len(nodes)}'
        nodes.append(Node(name, context=context, parameter_overrides=parameters, cli_args=cli_args))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


def test_a_misspelt_name_is_told_and_that_of_another_node_is_not(make_node, monkeypatch):
    node, told = make_node(**{'tracking.min_qualty': 0.5, 'exposure_us': 800}), []
    monkeypatch.setattr(node.get_logger(), 'warning', told.append)
    declare_parameters(node)
    assert told == ['there is no parameter tracking.min_qualty; is tracking.min_quality meant?']


@pytest.mark.parametrize('spec', parameter_schema().values(), ids=lambda spec: spec.name)
def test_schema_entry_is_sound(spec):
    assert spec.fault(spec.default) is None
    assert spec.changes in ('any_time', 'unconfigured', 'at_start')
    assert spec.description.endswith('.')
    assert [spec.range, spec.choices, spec.pattern].count(None) >= 2
    assert (spec.pattern is None) == (spec.expects is None)


def test_dataclasses_have_the_names_of_the_schema():
    values = dataclasses.asdict(Parameters.defaults())
    names = []
    for group, entry in values.items():
        names += [f'{group}.{name}' for name in entry] if isinstance(entry, dict) else [group]
    assert names == list(parameter_schema())


def test_declared_defaults_are_read_back(make_node):
    node = make_node()
    declare_parameters(node)
    assert read_parameters(node) == Parameters.defaults()


def test_overrides_are_read(make_node):
    node = make_node(**{'model.device': 'cuda:1', 'tracking.max_objects': 254})
    declare_parameters(node)
    parameters = read_parameters(node)
    assert (parameters.model.device, parameters.tracking.max_objects) == ('cuda:1', 254)


def test_descriptors_tell_ranges_and_choices(make_node):
    node = make_node()
    declare_parameters(node)
    integer = node.describe_parameter('tracking.max_objects')
    assert (integer.integer_range[0].from_value, integer.integer_range[0].to_value) == (1, 254)
    real = node.describe_parameter('memory.min_score')
    assert real.floating_point_range[0].to_value == 1.0
    choice = node.describe_parameter('input.policy')
    assert choice.additional_constraints == 'latest, every_frame'
    assert node.describe_parameter('autostart').read_only
    assert all(node.describe_parameter(name).description for name in parameter_schema())


@pytest.mark.parametrize(
    ('name', 'value', 'words'),
    [
        ('input.max_age_ms', 100, ['100', 'double', '0 to 60000']),
        ('tracking.max_objects', 255, ['255', '1 to 254']),
        ('memory.min_score', -0.1, ['-0.1', '0 to 1']),
        ('tracking.min_quality', 1.5, ['1.5', '0 to 1']),
        ('input.policy', 'newest', ["'newest'", 'latest, every_frame']),
        ('model.device', 'gpu', ["'gpu'", 'auto, cpu, cuda, cuda:N']),
        ('output.masks', 'yes', ['yes', 'bool']),
        ('degrade', ['masks'], ["['masks']", 'a list of overlay, label_image']),
        ('degrade', 'overlay', ['overlay', 'string_array']),
    ],
)
def test_wrong_overrides_are_refused_at_start(make_node, name, value, words):
    with pytest.raises(ParameterError) as caught:
        declare_parameters(make_node(**{name: value}))
    assert all(word in str(caught.value) for word in [name, *words, 'parameter file'])


@pytest.mark.parametrize(
    ('name', 'value', 'configured', 'reason'),
    [
        ('output.contours', True, True, ''),
        ('degrade', ['label_image'], True, ''),
        ('degrade', ['overlay', 'masks'], True, 'must be a list of overlay, label_image'),
        ('input.max_age_ms', 250.0, True, ''),
        ('model.device', 'cpu', False, ''),
        ('model.device', 'cpu', True, 'clean up the node first'),
        ('input.transport', 'compressed', True, 'cannot change while the node is configured'),
        ('input.qos', 'RELIABLE', False, 'one of SENSOR_DATA, DEFAULT, SYSTEM_DEFAULT'),
        ('output.overlay_opacity', float('nan'), False, 'in the range 0 to 1'),
        ('output.overlay_opacity', 1, False, 'its type is double; write 1.0'),
        ('use_sim_time', True, True, ''),
    ],
)
def test_changes_are_checked(name, value, configured, reason):
    result = check_parameters([Parameter(name, value=value)], configured=configured)
    assert result.successful == (reason == '')
    assert reason in result.reason


def test_a_list_that_is_empty_in_a_file_is_read_as_such(make_node, tmp_path):
    file = tmp_path / 'parameters.yaml'
    file.write_text('/**: {ros__parameters: {degrade: []}}')
    node = make_node(cli_args=['--ros-args', '--params-file', str(file)])
    declare_parameters(node)
    assert read_parameters(node).degrade == ()


def test_one_wrong_value_refuses_the_whole_change():
    changes = [
        Parameter('output.contours', value=True),
        Parameter('input.qos', value='FAST'),
    ]
    assert not check_parameters(changes, configured=True).successful


def test_tracker_gets_the_values():
    pytest.importorskip('torch')
    values = {name: spec.default for name, spec in parameter_schema().items()}
    values |= {
        'memory.num_maskmem': 5,
        'memory.num_frame_to_prune': 1,
        'memory.protect_prompted_frames': False,
        'memory.max_prompted_frames': 4,
        'memory.corrections_condition': False,
        'memory.write_when_absent': False,
        'memory.min_score': 0.25,
        'memory.write_when_uncertain': False,
        'tracking.max_objects': 3,
        'tracking.motion_hint': False,
        'tracking.appearance_model': False,
        'tracking.presence_threshold': 0.75,
        'tracking.mask_threshold': 1.5,
        'tracking.tentative_frames': 6,
        'tracking.lost_after_s': 2.5,
        'tracking.min_quality': 0.5,
        'tracking.quality_frames': 5,
        'tracking.max_overlap': 0.25,
        'tracking.prompt_buffer_frames': 12,
    }
    config = Parameters.from_values(values).to_tracker_config()
    assert (config.num_maskmem, config.num_frame_to_prune) == (5, 1)
    assert (config.protect_prompted_frames, config.max_prompted_frames) == (False, 4)
    assert (config.write_memory_when_absent, config.min_memory_score) == (False, 0.25)
    assert (config.max_objects, config.presence_threshold, config.mask_threshold) == (3, 0.75, 1.5)
    assert (config.tentative_frames, config.lost_after_s) == (6, 2.5)
    assert (config.min_quality, config.quality_frames) == (0.5, 5)
    assert config.max_overlap == 0.25
    assert not config.write_memory_when_uncertain
    assert config.replay_frames == 12
    assert not config.corrections_condition
    assert not config.motion_hint
    assert not config.appearance_model


def test_pruning_is_left_to_the_network_by_default():
    pytest.importorskip('torch')
    values = {name: spec.default for name, spec in parameter_schema().items()}
    assert Parameters.from_values(values).to_tracker_config().num_frame_to_prune is None
