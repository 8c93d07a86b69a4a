# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Scores of folders against published results, other evaluators, and the protocols' letter."""

from __future__ import annotations

import json
import shutil
import types

import numpy as np
import pytest
from label_scenes import (
    read_labels,
    scene,
    split_objects,
    write_labels,
    write_random_videos,
)

from surgsam2_ros.evaluation.metrics import dice, isinet_scores
from surgsam2_ros.evaluation.records import VideoRecord
from surgsam2_ros.evaluation.runs.frame_scores import FrameScores, ObjectResult
from surgsam2_ros.evaluation.runs.label_writer import LabelWriter
from surgsam2_ros.evaluation.scores import frame_overlaps, object_scores
from surgsam2_ros.evaluation.scoring import score_folders
from surgsam2_ros.sources import SourceError

MEASURES = ('J', 'F', 'J&F', 'Dice')


@pytest.fixture
def videos(tmp_path):
    """Give the folders of truths and predictions of two videos."""
    write_random_videos(tmp_path / 'truth', tmp_path / 'predictions')
    return tmp_path / 'truth', tmp_path / 'predictions'


# Against others ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('skip_ends', 'overlap', 'boundary'), [(True, 0.92840, 0.91741), (False, 0.9237, 0.9131)]
)
def test_the_published_result_on_davis_is_reproduced(shared_data, skip_ends, overlap, boundary):
    folder = shared_data('davis_car_shadow')
    scores = score_folders(folder / 'gt', folder / 'osvos_result', 'davis', skip_ends=skip_ends)
    assert scores['J'] == pytest.approx(overlap, abs=5e-5)
    assert scores['F'] == pytest.approx(boundary, abs=5e-5)
    assert scores['J&F'] == pytest.approx((overlap + boundary) / 2, abs=5e-5)
    assert scores['objects']['gt']['1']['frames'] == (38 if skip_ends else 40)


@pytest.mark.parametrize('skip_ends', [True, False])
def test_davis_scores_are_those_of_vos_benchmark(videos, skip_ends):
    benchmark = pytest.importorskip('vos_benchmark.benchmark').benchmark
    truth, predictions = videos
    scores = score_folders(truth, predictions, 'davis', skip_ends=skip_ends)
    _, [overlap], [boundary], [objects] = benchmark(
        [str(truth)], [str(predictions)], num_processes=1, verbose=False,
        skip_first_and_last=skip_ends,
    )  # fmt: skip
    assert scores['J'] == pytest.approx(overlap / 100)
    assert scores['F'] == pytest.approx(boundary / 100)
    assert scores['J&F'] == pytest.approx((overlap + boundary) / 200)
    for video, (overlaps, boundaries) in objects.items():
        found = scores['objects'][video]
        assert set(found) == {str(value) for value in overlaps}
        for value, expected in overlaps.items():
            assert found[str(value)]['J'] == pytest.approx(expected / 100)
            assert found[str(value)]['F'] == pytest.approx(boundaries[value] / 100)


@pytest.mark.parametrize('skip_ends', [True, False])
def test_endo_sav_scores_follow_the_authors_evaluator(videos, tmp_path, skip_ends):
    """By its letter: vos-benchmark's measures on each object's own frames, less the ends."""
    evaluators = pytest.importorskip('vos_benchmark.evaluator')
    truth, results = videos[0], tmp_path / 'results'
    split_objects(*videos, results)
    (results / 'seq_1' / '001' / '00004.png').unlink()  # frames are those that are predicted
    write_labels(results / 'seq_1' / '005', [scene()], first=99)  # and in the truth
    expected = {}
    for folder in sorted(results.glob('seq_*/0*')):
        value = int(folder.name)
        files = [
            f for f in sorted(folder.iterdir()) if (truth / folder.parent.name / f.name).exists()
        ]
        files = files[1:-1] if skip_ends else files
        evaluator, dices = evaluators.Evaluator(), []
        for file in files:
            mask = read_labels(file) == value
            true_mask = read_labels(truth / folder.parent.name / file.name) == value
            evaluator.feed_frame(mask, true_mask)
            if dices or mask.any() or true_mask.any():
                dices.append(dice(mask, true_mask))
        overlap, boundary = evaluator.conclude()
        expected[folder.parent.name, str(value)] = (
            overlap[True] / 100, boundary[True] / 100, np.mean(dices),
        )  # fmt: skip
    scores = score_folders(truth, results, 'endo_sav', skip_ends=skip_ends)
    found = {
        (video, value): (entry['J'], entry['F'], entry['Dice'])
        for video, objects in scores['objects'].items()
        for value, entry in objects.items()
    }
    assert found.keys() == expected.keys()
    for key, entry in expected.items():
        assert found[key] == pytest.approx(entry)
    means = np.mean(list(expected.values()), axis=0)
    assert (scores['J'], scores['F'], scores['Dice']) == pytest.approx(tuple(means))
    assert scores['J&F'] == pytest.approx((means[0] + means[1]) / 2)
    assert scores['warnings'] == []


# Protocols --------------------------------------------------------------------------------------


def test_endo_sav_leaves_out_the_ends_unless_told_otherwise(videos, tmp_path):
    split_objects(*videos, tmp_path / 'results')
    folders = videos[0], tmp_path / 'results'
    assert score_folders(*folders, 'endo_sav') == score_folders(
        *folders, 'endo_sav', skip_ends=True
    )
    everything = score_folders(*folders, 'endo_sav', skip_ends=False)['objects']['seq_1']
    assert (everything['1']['frames'], everything['5']['frames']) == (9, 6)


def test_davis_counts_every_frame_unless_told_otherwise(videos):
    scores = score_folders(*videos, 'davis')
    assert scores['objects']['seq_2']['3']['frames'] == 9
    assert scores['videos']['seq_2']['frames'] == 9
    assert not scores['skip_ends']


def test_both_protocols_agree_where_every_object_is_there_from_the_start(tmp_path):
    truth = [scene((1, 4, i), (2, 28, 2 * i)) for i in range(6)]
    predicted = [scene((1, 5, i), (2, 25, 2 * i)) for i in range(6)]
    write_labels(tmp_path / 'truth' / 'a', truth)
    write_labels(tmp_path / 'plain' / 'a', predicted)
    split_objects(tmp_path / 'truth', tmp_path / 'plain', tmp_path / 'split')
    results = [
        score_folders(tmp_path / 'truth', tmp_path / folder, protocol, skip_ends=True)
        for folder in ('plain', 'split')
        for protocol in ('davis', 'endo_sav')
    ]
    for scores in results[1:]:
        assert {name: scores[name] for name in MEASURES} == {
            name: results[0][name] for name in MEASURES
        }


def test_frames_before_an_object_is_first_seen_do_not_count(tmp_path):
    write_labels(tmp_path / 'truth', [scene((1, 0, 0))] * 3 + [scene((1, 0, 0), (2, 24, 24))] * 2)
    write_labels(tmp_path / 'results', [scene((1, 0, 0))] * 4 + [scene((1, 0, 0), (2, 24, 24))])
    objects = score_folders(tmp_path / 'truth', tmp_path / 'results', 'davis')['objects']['truth']
    assert (objects['1']['frames'], objects['2']['frames']) == (5, 2)
    assert objects['2']['J'] == 0.5


def test_endo_sav_takes_images_of_all_objects_as_predicted_from_their_first_truth_on(
    videos, tmp_path
):
    split_objects(*videos, tmp_path / 'split')
    plain = score_folders(*videos, 'endo_sav')
    assert plain == score_folders(videos[0], tmp_path / 'split', 'endo_sav')


def test_means_are_taken_over_objects_not_over_videos(videos):
    scores = score_folders(*videos, 'davis')
    first, second = scores['objects']['seq_1'], scores['objects']['seq_2']
    every = [*first.values(), *second.values()]
    for name in MEASURES:
        assert scores[name] == pytest.approx(np.mean([entry[name] for entry in every]))
        assert scores['videos']['seq_1'][name] == pytest.approx(
            np.mean([entry[name] for entry in first.values()])
        )
    assert (scores['videos']['seq_1']['objects'], scores['videos']['seq_2']['objects']) == (3, 1)


def test_ciou_is_the_mean_over_frames_of_the_objects_that_the_truth_shows(tmp_path):
    truth = [scene((1, 0, 0)), scene((1, 0, 0), (2, 24, 24)), scene()]
    predicted = [scene((1, 0, 0), (2, 24, 24)), scene((1, 0, 0), (2, 24, 32)), scene((1, 0, 0))]
    write_labels(tmp_path / 'truth', truth)
    write_labels(tmp_path / 'results', predicted)
    scores = score_folders(tmp_path / 'truth', tmp_path / 'results', 'davis')
    assert scores['ciou'] == pytest.approx((1 + (1 + 1 / 3) / 2) / 2)


def test_isinet_scores_add_the_overlaps_of_class_maps(videos):
    truth, predictions = videos
    scores = score_folders(truth, predictions, 'isinet')
    for video in ('seq_1', 'seq_2', '*'):
        maps = [
            [read_labels(path) for path in sorted(root.glob(f'{video}/*.png'))]
            for root in (truth, predictions)
        ]
        found = scores if video == '*' else scores['videos'][video]
        expected = isinet_scores(*maps)
        for name in ('challenge_iou', 'iou', 'miou', 'mciou'):
            assert found[name] == pytest.approx(expected[name])
        assert found['classes']['1'] == expected['classes'][1]
    davis = score_folders(truth, predictions, 'davis')
    assert scores['objects'] == davis['objects']


def test_isinet_passes_over_other_values_than_the_classes(tmp_path):
    write_labels(tmp_path / 'truth', [scene((1, 0, 0), (9, 24, 24))])
    write_labels(tmp_path / 'results', [scene((1, 0, 0), (9, 24, 32))])
    folders = tmp_path / 'truth', tmp_path / 'results'
    assert set(score_folders(*folders, 'isinet')['objects']['truth']) == {'1'}
    wider = score_folders(*folders, 'isinet', classes=range(1, 10))
    assert set(wider['objects']['truth']) == {'1', '9'}
    assert wider['iou'] == pytest.approx((1 + 1 / 3) / 2)


CLASSES = {'seq_1': {'1': 'forceps', '2': 'scissors', '5': 'forceps'}, 'seq_2': {'3': 'scissors'}}


def class_maps(folder, changes=types.MappingProxyType({})):
    """Label images with 1 for forceps and 2 for scissors, by other means than the package's."""
    for path in sorted(folder.glob('*/*.png')):
        labels = read_labels(path)
        classes = np.zeros_like(labels)
        for value, name in (CLASSES[path.parent.name] | changes).items():
            classes[labels == int(value)] = {'forceps': 1, 'scissors': 2}.get(name, 0)
        yield classes


@pytest.mark.parametrize('place', ['truth', '.'])
def test_isinet_maps_objects_to_the_classes_that_belong_to_the_truth(videos, tmp_path, place):
    """Objects 1 and 5 of seq_1 are of one class, 2 of seq_1 and 3 of seq_2 are of another."""
    (tmp_path / place / 'classes.json').write_text(json.dumps(CLASSES))
    scores = score_folders(*videos, 'isinet')
    expected = isinet_scores(*map(class_maps, videos), classes=(1, 2))
    for name in ('challenge_iou', 'iou', 'miou', 'mciou'):
        assert scores[name] == pytest.approx(expected[name])
    assert list(scores['classes']) == ['forceps', 'scissors']
    assert list(scores['classes'].values()) == pytest.approx(list(expected['classes'].values()))
    assert scores['classes_file'] == str((tmp_path / place / 'classes.json').resolve())
    assert scores['objects'] == score_folders(*videos, 'davis')['objects']
    by_value = score_folders(*videos, 'isinet', classes=range(1, 8))
    assert by_value['classes_file'] is None
    assert by_value['mciou'] == pytest.approx(
        isinet_scores(*([read_labels(p) for p in sorted(f.glob('*/*.png'))] for f in videos))[
            'mciou'
        ]
    )


def test_isinet_finds_the_classes_of_a_single_video_of_a_data_set(videos, tmp_path):
    videos[0].rename(tmp_path / 'Annotations')
    (tmp_path / 'classes.json').write_text(json.dumps(CLASSES))
    alone = tmp_path / 'Annotations' / 'seq_1', videos[1] / 'seq_1'
    scores = score_folders(*alone, 'isinet')
    both = score_folders(tmp_path / 'Annotations', videos[1], 'isinet')
    assert scores['classes'] == both['videos']['seq_1']['classes']


def test_objects_that_do_not_count_are_background(videos, tmp_path):
    file = tmp_path / 'classes.json'
    file.write_text(json.dumps({'1': 'forceps', '2': 'kidney', '3': 'scissors', '5': 'forceps'}))
    scores = score_folders(*videos, 'isinet', objects=(1, 3, 5), classes=file)
    expected = isinet_scores(*(class_maps(f, {'2': 'kidney'}) for f in videos), classes=(1, 2))
    assert scores['mciou'] == pytest.approx(expected['mciou'])
    assert scores['challenge_iou'] == pytest.approx(expected['challenge_iou'])
    assert scores['classes']['kidney'] is None
    assert set(scores['objects']['seq_1']) == {'1', '5'}


def test_isinet_takes_tissue_for_background(videos, tmp_path):
    """EndoVis 2018 labels tissue beside instruments; ISINet's classes are instruments."""
    names = {'1': 'bipolar_forceps', '2': 'kidney_parenchyma', '3': 'suction_instrument'}
    (tmp_path / 'classes.json').write_text(json.dumps({**names, '5': 'bipolar_forceps'}))
    scores = score_folders(*videos, 'isinet')
    assert list(scores['classes']) == ['bipolar_forceps', 'suction_instrument']
    instruments = score_folders(*videos, 'isinet', objects=(1, 3, 5))
    for name in ('challenge_iou', 'iou', 'miou', 'mciou'):
        assert scores[name] == instruments[name]


def test_isinet_refuses_instruments_whose_type_is_not_known(videos, tmp_path):
    names = dict.fromkeys('1235', 'instrument')
    (tmp_path / 'classes.json').write_text(json.dumps(names))
    with pytest.raises(SourceError, match=r"seq_1 that they are 'instrument'.*--classes 7"):
        score_folders(*videos, 'isinet')
    assert score_folders(*videos, 'davis')['J'] is not None


def test_a_guessed_truth_is_told(videos, tmp_path):
    sequences = {'seq_1': {'labels': 'linked'}, 'seq_2': {'labels': 'challenge'}}
    (tmp_path / 'prepared.json').write_text(json.dumps({'sequences': sequences}))
    [warning] = score_folders(*videos, 'davis')['warnings']
    assert warning.startswith('seq_1: ') and 'by a guess' in warning


def test_only_frames_of_a_lower_number_count_where_so_many_are_asked_for(videos, tmp_path):
    some = score_folders(*videos, 'davis', frames=3)
    for folder in videos:
        for path in folder.glob('*/*.png'):
            if int(path.stem) >= 3:
                path.unlink()
    assert score_folders(*videos, 'davis') == some


def test_a_class_named_for_a_video_goes_before_one_named_for_all(videos, tmp_path):
    file = tmp_path / 'classes.json'
    file.write_text(json.dumps(CLASSES))
    expected = score_folders(*videos, 'isinet', classes=file)
    file.write_text(json.dumps({'1': 'scissors', '3': 'forceps'} | CLASSES))
    assert score_folders(*videos, 'isinet', classes=file) == expected


def test_an_object_of_no_known_class_is_named(videos, tmp_path):
    (tmp_path / 'classes.json').write_text('{"seq_1": {"1": "forceps"}, "seq_2": {"3": "hook"}}')
    seen = []
    with pytest.raises(SourceError, match=r'classes\.json .* object 2 of seq_1.*--objects'):
        score_folders(*videos, 'isinet', progress=lambda *state: seen.append(state))
    assert seen == [], 'it is told before the work'


@pytest.mark.parametrize('protocol', ['davis', 'endo_sav'])
def test_only_the_objects_named_count(videos, tmp_path, protocol):
    split_objects(*videos, tmp_path / 'results')
    folders = videos[0], tmp_path / 'results'
    everything = score_folders(*folders, protocol)['objects']
    shutil.rmtree(tmp_path / 'results/seq_1/005')  # nothing is said of others
    some = score_folders(*folders, protocol, objects=(2, 3))
    assert some['warnings'] == []
    assert some['objects'] == {
        'seq_1': {'2': everything['seq_1']['2']},
        'seq_2': {'3': everything['seq_2']['3']},
    }


def test_folds_are_scored_alone_and_averaged(videos):
    """Seq_1 has three objects and seq_2 one, so that the mean of the folds is not that of all."""
    shutil.copytree(videos[0] / 'seq_1', videos[0] / 'not_predicted')
    scores = score_folders(*videos, 'isinet', folds=[['seq_1'], ['seq_2']])
    each = [
        score_folders(videos[0] / name, videos[1] / name, 'isinet') for name in ('seq_1', 'seq_2')
    ]
    assert [fold['videos'] for fold in scores['folds']] == [['seq_1'], ['seq_2']]
    for name in (*MEASURES, 'ciou', 'challenge_iou', 'iou', 'miou', 'mciou'):
        values = [entry[name] for entry in each]
        assert [fold[name] for fold in scores['folds']] == pytest.approx(values)
        assert scores['mean_of_folds'][name] == pytest.approx(np.mean(values))
    assert scores['J'] != pytest.approx(scores['mean_of_folds']['J'])


def test_folds_have_no_mean_where_one_has_no_score(videos):
    shutil.rmtree(videos[1] / 'seq_2')
    scores = score_folders(*videos, 'endo_sav', folds=[['seq_1'], ['seq_2']])
    assert scores['folds'][1]['J'] is None
    assert scores['mean_of_folds']['J'] is None


def test_a_fold_without_its_video_is_an_error(videos):
    with pytest.raises(SourceError, match=r'no video seq_9, but seq_1, seq_2'):
        score_folders(*videos, 'davis', folds=[['seq_1'], ['seq_9']])


def test_predictions_may_lie_in_several_folders(videos, tmp_path):
    expected = score_folders(*videos, 'davis')
    for name in ('seq_1', 'seq_2'):
        shutil.copytree(videos[1] / name, tmp_path / f'of_{name}' / name)
    folders = [tmp_path / 'of_seq_1', tmp_path / 'of_seq_2']
    assert score_folders(videos[0], folders, 'davis') == expected
    with pytest.raises(SourceError, match=r'both predict seq_1'):
        score_folders(videos[0], [*folders, videos[1]], 'davis')


def test_an_object_without_truth_in_the_scored_frames_does_not_count(tmp_path):
    write_labels(tmp_path / 'truth' / 'a', [scene((1, 0, 0), (2, 24, 24)), *[scene((1, 0, 0))] * 3])
    split = tmp_path / 'results' / 'a'
    write_labels(split / '001', [scene((1, 0, 0))] * 4)
    write_labels(split / '002', [scene((2, 24, 24))] * 4)
    scores = score_folders(tmp_path / 'truth', tmp_path / 'results', 'endo_sav')
    assert set(scores['objects']['a']) == {'1'}
    assert 'object 2 does not count' in scores['warnings'][0]


def test_progress_counts_frames(videos):
    seen = []
    score_folders(*videos, 'davis', progress=lambda *state: seen.append(state))
    assert seen[0] == (1, 18, 'seq_1')
    assert seen[-1] == (18, 18, 'seq_2')


def test_an_unknown_protocol_is_refused(videos):
    with pytest.raises(ValueError, match=r"'coco'.*davis, endo_sav, isinet"):
        score_folders(*videos, 'coco')


@pytest.mark.parametrize('skip_ends', [True, False])
def test_the_records_of_a_run_score_as_the_folders_that_it_writes(videos, tmp_path, skip_ends):
    """Each object from its first frame of truth on, as `surgsam2 evaluate` tracks it."""
    truth, predictions = videos
    for folder in sorted(truth.iterdir()):
        stems = sorted(path.stem for path in folder.iterdir())
        true_images = [read_labels(folder / f'{stem}.png') for stem in stems]
        images = [read_labels(predictions / folder.name / f'{stem}.png') for stem in stems]
        ids = [int(value) for value in np.unique(true_images)[1:]]
        first = {v: next(i for i, t in enumerate(true_images) if (t == v).any()) for v in ids}
        frame_scores = FrameScores(dict.fromkeys(ids, ''), len(stems))
        writer = LabelWriter(tmp_path / 'output', folder.name, stems)
        for frame, (true_labels, labels) in enumerate(zip(true_images, images, strict=True)):
            masks = {value: labels == value for value in ids if frame >= first[value]}
            results = {value: ObjectResult(mask) for value, mask in masks.items()}
            frame_scores.add(frame, true_labels, results)
            writer.write(frame, masks)
        record = VideoRecord(folder.name, stems=stems, objects=frame_scores.records)
        scores = score_folders(truth, predictions, 'endo_sav', skip_ends=skip_ends)
        for entry in record.objects:
            of_record = object_scores(entry, skip_ends)
            of_folder = scores['objects'][folder.name][str(entry.object_id)]
            for name in MEASURES:
                assert of_record[name] == pytest.approx(of_folder[name])
        assert np.mean(frame_overlaps(record, skip_ends)) == pytest.approx(
            scores['videos'][folder.name]['ciou']
        )
    written = score_folders(truth, tmp_path / 'output', 'endo_sav', skip_ends=skip_ends)
    assert written == score_folders(truth, predictions, 'endo_sav', skip_ends=skip_ends)


# Bad folders ------------------------------------------------------------------------------------


def test_a_video_that_is_not_predicted_is_an_error_in_davis_and_a_warning_in_endo_sav(videos):
    truth, predictions = videos
    shutil.rmtree(predictions / 'seq_2')
    with pytest.raises(SourceError, match=r'no predictions of seq_2, but of seq_1'):
        score_folders(truth, predictions, 'davis')
    scores = score_folders(truth, predictions, 'endo_sav')
    assert list(scores['videos']) == ['seq_1']
    assert scores['warnings'] == ['seq_2 is not predicted and does not count']


def test_no_common_video_is_an_error(videos):
    truth, predictions = videos
    (predictions / 'seq_1').rename(predictions / 'video1')
    shutil.rmtree(predictions / 'seq_2')
    with pytest.raises(SourceError, match='seq_1, seq_2, but of video1'):
        score_folders(truth, predictions, 'endo_sav')


def test_a_missing_frame_is_an_error_where_every_frame_counts(videos, tmp_path):
    truth, predictions = videos
    split_objects(truth, predictions, tmp_path / 'split')
    (predictions / 'seq_1' / '00003.png').unlink()
    with pytest.raises(SourceError, match=r'seq_1 has no image of 00003, .*endo_sav'):
        score_folders(truth, predictions, 'davis')
    (tmp_path / 'split' / 'seq_1' / '005' / '00005.png').unlink()
    with pytest.raises(SourceError, match='005 has no image of 00005'):
        score_folders(truth, tmp_path / 'split', 'davis')


def test_frames_of_other_names_are_an_error(tmp_path):
    write_labels(tmp_path / 'truth' / 'a', [scene((1, 0, 0))] * 3)
    write_labels(tmp_path / 'results' / 'a', [scene((1, 0, 0))] * 3, first=100)
    with pytest.raises(SourceError, match=r'no frame name in common: 00100, 00101'):
        score_folders(tmp_path / 'truth', tmp_path / 'results', 'endo_sav')


def test_predictions_of_another_size_are_an_error(videos):
    truth, predictions = videos
    image = next((predictions / 'seq_2').iterdir())
    write_labels(image.parent, [np.zeros((24, 32))] * 9)
    with pytest.raises(SourceError, match=r'seq_2/00000.png is 32x24, the truth .* 64x48'):
        score_folders(truth, predictions, 'davis')


def test_a_damaged_image_is_named(videos):
    truth, predictions = videos
    (predictions / 'seq_1' / '00002.png').write_bytes(b'no picture')
    with pytest.raises(SourceError, match=r'00002\.png'):
        score_folders(truth, predictions, 'davis')
