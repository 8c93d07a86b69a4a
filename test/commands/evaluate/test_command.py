# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`surgsam2 evaluate`: what it writes, how it goes on, and what it says about wrong input."""

from __future__ import annotations

import errno
import json
import shutil

import pytest
import yaml
from evaluation_data import TRUTH_TOPIC, write_bag, write_vos

from surgsam2_ros.cli import main
from surgsam2_ros.commands.evaluate.config import read_config
from surgsam2_ros.commands.evaluate.options import DEFAULTS, PROMPTS, add_arguments
from surgsam2_ros.commands.model_loading import find_model
from surgsam2_ros.evaluation.records import read_run, read_video
from surgsam2_ros.evaluation.runs import tracker_run
from surgsam2_ros.share import share_folder
from surgsam2_ros.sources import open_source


@pytest.fixture(name='root')
def _root(tmp_path):
    return write_vos(tmp_path / 'data', ('a', 'b'))


@pytest.fixture(name='evaluate')
def _evaluate(root, model, tmp_path):
    """Evaluate the data set, with further arguments; returns the exit status."""

    def evaluate(*arguments, **options):
        given = {'--input': root, '--output': tmp_path / 'out', '--model': model, '--jobs': 1}
        given |= {f'--{name.replace("_", "-")}': value for name, value in options.items()}
        tokens = [str(token) for pair in given.items() if pair[1] is not None for token in pair]
        return main(['evaluate', *tokens, *map(str, arguments)])

    return evaluate


def written(output):
    """Time of writing of every record."""
    return {path.stem: path.stat().st_mtime_ns for path in output.glob('records/tracker/*.json')}


def test_results_lie_where_the_authors_tools_put_them_beside_the_reports(
    evaluate, tmp_path, capsys
):
    assert evaluate() == 0
    output = tmp_path / 'out'
    for name in ('a/003/00000.png', 'a/007/00003.png', 'b/all/00001.png'):
        assert (output / name).is_file()
    assert not (output / 'a/007/00001.png').exists(), 'object 7 was not prompted yet'
    for name in ('report.html', 'summary.json', 'per_frame.csv', 'run.json'):
        assert (output / name).is_file()
    summary = json.loads((output / 'summary.json').read_text())
    assert summary['tracker']['videos'] == 2
    shown = capsys.readouterr()
    assert 'J&F' in shown.out
    assert 'video 2/2' in shown.err


def test_the_run_says_what_it_was_made_with(evaluate, model, tmp_path):
    assert evaluate('--set', 'memory.num_frame_to_prune=1', prompt='box', seed=4) == 0
    run = read_run(tmp_path / 'out')
    assert run.name == 'out'
    assert run.videos == ['a', 'b']
    assert (run.settings['prompt'], run.settings['seed']) == ('box', 4)
    assert run.settings['tracker']['num_frame_to_prune'] == 1
    assert run.model['name'] == 'tiny'
    assert len(run.model['sha256']) == 64
    assert {'surgsam2_ros', 'Python', 'torch'} <= run.versions.keys()
    assert run.hardware['cores'] >= 1


def test_bags_are_evaluated_by_stamp(evaluate, tmp_path, capsys):
    bag = write_bag(tmp_path / 'case.mcap', truth_delay_ns=2_000_000)
    assert evaluate(input=bag, truth_topic=TRUTH_TOPIC, tolerance_ms=3) == 0
    record = read_video(tmp_path / 'out', 'tracker', 'case')
    assert [o.object_id for o in record.objects] == [3, 7]
    assert 'differ by up to 2.000 ms (allowed: 3 ms)' in capsys.readouterr().err


def test_the_defaults_are_those_of_the_node_and_the_published_ones_can_be_had(evaluate, tmp_path):
    for behaviour, protected in (('node', True), ('published', False)):
        assert evaluate(output=tmp_path / behaviour, behaviour=behaviour, videos='a') == 0
        tracker = read_run(tmp_path / behaviour).settings['tracker']
        assert tracker['protect_prompted_frames'] is protected


def test_an_overlay_video_on_request(evaluate, tmp_path):
    assert evaluate('--overlay', videos='a') == 0
    with open_source(tmp_path / 'out/overlay/a.mp4') as video:
        assert len(video) == 4


# Going on


def test_finished_videos_are_not_done_again(evaluate, tmp_path, capsys):
    assert evaluate() == 0
    before = written(tmp_path / 'out')
    started = read_run(tmp_path / 'out').started
    (tmp_path / 'out/records/tracker/b.json').unlink()
    assert evaluate() == 0
    after = written(tmp_path / 'out')
    assert after['a'] == before['a']
    assert after['b'] > before['b']
    assert read_run(tmp_path / 'out').started == started
    assert '1 of 2 videos went through the tracker before' in capsys.readouterr().out


def test_an_interrupted_run_goes_on_where_it_was(evaluate, tmp_path, monkeypatch, capsys):
    steps = iter(range(100))
    original = tracker_run.FrameScores.add

    def interrupt(self, *arguments):
        if next(steps) == 6:  # the second frame of the second video
            raise KeyboardInterrupt
        original(self, *arguments)

    monkeypatch.setattr(tracker_run.FrameScores, 'add', interrupt)
    assert evaluate() == 130
    before = written(tmp_path / 'out')
    assert list(before) == ['a']
    monkeypatch.undo()
    assert evaluate() == 0
    assert written(tmp_path / 'out')['a'] == before['a']
    assert sorted(written(tmp_path / 'out')) == ['a', 'b']


def test_new_bags_join_a_run(evaluate, tmp_path):
    folder = tmp_path / 'bags'
    write_bag(folder / 'one.mcap')
    assert evaluate(input=folder, truth_topic=TRUTH_TOPIC) == 0
    before = written(tmp_path / 'out')
    write_bag(folder / 'two.mcap')
    assert evaluate(input=folder, truth_topic=TRUTH_TOPIC) == 0
    after = written(tmp_path / 'out')
    assert sorted(after) == ['one', 'two']
    assert after['one'] == before['one']


def test_other_settings_are_refused_by_name_unless_overwritten(evaluate, tmp_path, capsys):
    assert evaluate(videos='a') == 0
    before = written(tmp_path / 'out')
    assert evaluate('--set', 'tracking.lost_after_s=9', prompt='box', videos='a') == 1
    error = capsys.readouterr().err
    assert 'prompt was "mask", now "box"' in error
    assert 'tracker.lost_after_s was 1.0, now 9.0' in error
    assert '--overwrite' in error
    assert written(tmp_path / 'out') == before
    assert evaluate('--overwrite', prompt='box', videos='b') == 0
    assert list(written(tmp_path / 'out')) == ['b']
    assert not (tmp_path / 'out/a').exists()


def test_what_does_not_change_results_may_change(evaluate, tmp_path):
    assert evaluate(videos='a') == 0
    before = written(tmp_path / 'out')
    assert evaluate('--no-skip-ends', '--overlay', jobs=2, videos='a', name='better') == 0
    assert written(tmp_path / 'out') == before
    assert read_run(tmp_path / 'out').name == 'better'


def test_other_weights_are_other_settings(evaluate, model, tmp_path, capsys):
    assert evaluate(videos='a') == 0
    from safetensors.torch import load_file, save_file

    weights = load_file(model.with_name('tiny.safetensors'))
    weights['no_mem_embed'] += 1
    save_file(weights, tmp_path / 'other.safetensors')
    assert evaluate(videos='a', checkpoint=tmp_path / 'other.safetensors') == 1
    assert 'weights was' in capsys.readouterr().err


# Bad input


def test_a_bad_video_fails_alone_is_listed_and_tried_again(evaluate, root, tmp_path, capsys):
    broken = root / 'JPEGImages/a/00002.png'
    whole = broken.read_bytes()
    broken.write_bytes(b'cut off')
    shutil.rmtree(root / 'Annotations/b')
    write_vos(tmp_path / 'more', ('c',))
    for part in ('JPEGImages', 'Annotations'):
        shutil.move(tmp_path / 'more' / part / 'c', root / part / 'c')
    assert evaluate() == 1
    error = capsys.readouterr().err
    assert 'a (tracker) failed' in error
    assert '00002.png is no readable image; repair or remove it' in error
    assert 'b (tracker) failed: video b has no truth' in error
    summary = json.loads((tmp_path / 'out/summary.json').read_text())
    assert [entry['video'] for entry in summary['failed']] == ['a', 'b']
    assert summary['tracker']['videos'] == 1
    assert '00002.png is no readable image' in (tmp_path / 'out/report.html').read_text()
    broken.write_bytes(whole)
    assert evaluate() == 1
    assert read_video(tmp_path / 'out', 'tracker', 'a').error is None


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        ({'input': None}, '--input is missing'),
        ({'output': None}, '--output is missing'),
        ({'input': 'nowhere'}, 'nowhere does not exist'),
        ({'truth': 'nowhere'}, 'the truth nowhere does not exist'),
        ({'failures': 'x.gif'}, '--failures x.gif must end with .jpg or .png'),
        ({'hard_clips': -1}, '--hard-clips is -1; give at least 0'),
        ({'videos': 'z'}, "there is no video 'z'; there are a, b"),
        ({'tolerance_ms': -1}, 'a tolerance of -1.0 ms is impossible'),
        ({'tolerance_ms': 'nan'}, 'a tolerance of nan ms is impossible'),
        ({'rate': 'inf'}, '--rate inf is impossible'),
        ({'set': 'network.size=3'}, 'there is no network.size; there are'),
        ({'set': 'memory.min_score=[1'}, '--set memory.min_score=[1 has no plain value'),
        ({'model': 'sam9'}, "no model 'sam9'"),
        ({'checkpoint': 'nowhere.pt'}, 'checkpoint nowhere.pt does not exist'),
        ({'device': 'cuda:77'}, "device 'cuda:77'"),
        ({'precision': 'bf16', 'device': 'cpu'}, 'bf16 needs a GPU'),
        ({'set': 'prune'}, '--set prune is not KEY=VALUE'),
        ({'set': 'memory.size=3'}, "no parameter 'memory.size'; there are"),
        ({'set': 'tracking.presence_threshold=7'}, 'it must be from 0.5 to 1'),
        ({'set': 'memory.num_frame_to_prune=50'}, 'num_frame_to_prune is 50; at most num_maskmem'),
        ({'correct_every': -1}, '--correct-every is -1; give at least 0'),
        ({'correct_below': 2}, '--correct-below 2.0 is no IoU'),
        ({'objects': 300}, '--objects 300 is no object id'),
        ({'jobs': 0}, '--jobs is 0; give at least 1'),
        ({'rate': 0}, '--rate 0.0 is impossible'),
        ({'config': 'nowhere.yaml'}, '--config nowhere.yaml does not exist'),
        ({'output': ''}, 'lies among the images of'),
        ({'output': 'JPEGImages/out'}, 'lies among the images of'),
    ],
)
def test_wrong_arguments_are_one_line_and_write_nothing(
    evaluate, root, tmp_path, capsys, options, complaint
):
    if options.get('output') is not None:
        options = {'output': root / options['output']}
    assert evaluate(**options) == 1
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert complaint in error[0]
    assert not (tmp_path / 'out').exists()


def test_a_full_disk_is_told_with_the_remedy(evaluate, tmp_path, capsys, monkeypatch):
    def fail(*_arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('surgsam2_ros.evaluation.runs.label_writer.write_label_png', fail)
    assert evaluate() == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert f'no space is left for {tmp_path / "out"}; make room' in last


def test_a_folder_with_other_files_is_not_written_into(evaluate, tmp_path, capsys):
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/thesis.tex').touch()
    assert evaluate() == 1
    assert 'holds other files and no run' in capsys.readouterr().err


def test_defaults_are_those_of_the_parts():
    from surgsam2_ros.commands.model_loading import DEFAULT_MODEL
    from surgsam2_ros.evaluation.runs.prompting import PROMPT_KINDS, PromptSettings
    from surgsam2_ros.evaluation.runs.stamp_matching import DEFAULT_TOLERANCE_MS

    settings = PromptSettings()
    for name in ('seed', 'correct_every', 'correct_below'):
        assert DEFAULTS[name] == getattr(settings, name)
    assert DEFAULTS['prompt'] == settings.kind
    assert DEFAULTS['tolerance_ms'] == DEFAULT_TOLERANCE_MS
    assert DEFAULTS['model'] == DEFAULT_MODEL
    assert PROMPTS == PROMPT_KINDS


def test_baselines_join_a_finished_run(evaluate, tmp_path, capsys):
    assert evaluate(videos='a') == 0
    before = written(tmp_path / 'out')
    assert evaluate('--baselines', videos='a') == 0
    assert written(tmp_path / 'out') == before
    assert evaluate('--baselines', videos='a') == 0
    told = capsys.readouterr().out
    assert '1 of 1 videos went through the baseline DIS optical flow before' in told


# Arguments from a file


def test_arguments_come_from_a_file_and_the_command_line_goes_first(
    evaluate, model, tmp_path, capsys
):
    config = tmp_path / 'row.yaml'
    config.write_text(
        yaml.safe_dump(
            {
                'prompt': '1-point',
                'seed': 3,
                'one_at_a_time': True,
                'videos': ['a'],
                'set': {'memory.num_frame_to_prune': 0, 'network.dynamic_multimask': False},
            }
        )
    )
    assert evaluate('--set', 'tracking.lost_after_s=9', config=config, seed=5) == 0
    run = read_run(tmp_path / 'out')
    assert run.videos == ['a']
    assert run.settings['prompt'] == '1-point'
    assert run.settings['seed'] == 5
    assert run.settings['one_at_a_time'] is True
    assert run.settings['tracker']['num_frame_to_prune'] == 0
    assert run.settings['tracker']['lost_after_s'] == 9.0
    assert run.settings['network'] == {'dynamic_multimask': False}


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('promt: mask', "no argument 'promt'; there are"),
        ('config: other.yaml', "no argument 'config'"),
        ('prompt: scribble', "invalid choice: 'scribble'"),
        ('seed: often', "invalid int value: 'often'"),
        ('- prompt', 'must hold "argument: value" lines'),
        ('prompt: [', 'is no YAML file'),
    ],
)
def test_a_wrong_file_is_named(evaluate, tmp_path, capsys, text, complaint):
    (tmp_path / 'row.yaml').write_text(text)
    assert evaluate(config=tmp_path / 'row.yaml') == 1
    error = capsys.readouterr().err
    assert 'row.yaml' in error
    assert complaint in error


def shipped():
    return sorted((share_folder() / 'config' / 'evaluation').glob('*.yaml'))


@pytest.mark.parametrize('path', shipped(), ids=lambda path: path.stem)
def test_shipped_files_name_models_and_parameters_that_exist(path):
    from argparse import Namespace

    from surgsam2_ros.commands.evaluate.options import choose_network, choose_tracker
    from surgsam2_ros.network import NetworkConfig

    options = Namespace(**(DEFAULTS | read_config(path, add_arguments, DEFAULTS)))
    assert find_model(options.model).is_file()
    assert options.behaviour == 'published'
    here = {'checkpoint': None, 'device': 'cpu', 'precision': 'fp32'}
    network = choose_network(Namespace(**vars(options) | here))
    assert choose_tracker(options, network)
    changes = [entry.partition('=')[0] for entry in options.set if entry.startswith('network.')]
    assert {change.removeprefix('network.') for change in changes} <= set(
        NetworkConfig.__dataclass_fields__
    )


def test_every_row_of_the_paper_has_a_file():
    rows = {
        f'endovis{year}_{prompt}_{model}'
        for year in (17, 18)
        for prompt in ('mask', '1_point', '5_points')
        for model in ('sam2', 'efp', 'surgsam2')
    }
    assert rows <= {path.stem for path in shipped()}
