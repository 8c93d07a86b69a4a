# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bags are read by the letter, whatever storage, and written so that others read them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from recorded_bag import write_recorded_bag
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from surgsam2_ros.sources import (
    BagReader,
    BagWriter,
    SourceError,
    UnknownTypeError,
    open_source,
    peek_header,
    read_labels,
)
from surgsam2_ros.sources.image_encodings import encode_jpeg, encode_png

IMAGE = '/camera/image_raw'
SIZE = (48, 64)


def picture(index: int) -> np.ndarray:
    """Return an image that tells its index by its red channel."""
    rgb = np.zeros((*SIZE, 3), np.uint8)
    rgb[..., 0] = 20 * index
    rgb[10:20, 5:30, 1] = 200
    return rgb


def write_bag(path: Path, count: int = 5, *, first: int = 0, **options) -> Path:
    with BagWriter(path, **options) as bag:
        for index in range(first, first + count):
            bag.write_image(
                IMAGE, picture(index), stamp_ns=10**9 + index, frame_id='camera', encoding='rgb8'
            )
    return path


# Writing and reading


@pytest.mark.parametrize('name', ['scene.mcap', 'scene.db3', 'scene'])
def test_a_written_bag_reads_back_exactly(tmp_path, name):
    write_bag(tmp_path / name)
    with open_source(tmp_path / name) as source:
        assert len(source) == 5
        assert source.name == 'scene'
        assert source.stamps == tuple(10**9 + index for index in range(5))
        for index, frame in enumerate(source):
            assert (frame.index, frame.stamp_ns) == (index, 10**9 + index)
            assert frame.frame_id == 'camera'
            np.testing.assert_array_equal(frame.rgb, picture(index))
    assert not list(tmp_path.glob('.*')), 'a partial file was left behind'


def test_a_source_can_be_iterated_again(tmp_path):
    with open_source(write_bag(tmp_path / 'scene.mcap')) as source:
        assert [f.index for f in source] == [f.index for f in source]


@pytest.mark.parametrize('kind', ['jpeg', 'png'])
def test_compressed_images_are_decoded(tmp_path, kind):
    encode = encode_jpeg if kind == 'jpeg' else encode_png
    with BagWriter(tmp_path / 'c.mcap') as bag:
        data = encode(picture(3))
        bag.write_compressed_image('/c', data, stamp_ns=7, frame_id='x', image_format=kind)
    with open_source(tmp_path / 'c.mcap') as source:
        frame = next(iter(source))
    assert (frame.stamp_ns, frame.frame_id) == (7, 'x')
    assert np.abs(frame.rgb.astype(int) - picture(3)).mean() < (3 if kind == 'jpeg' else 1e-9)


def test_our_own_messages_carry_their_definition(tmp_path):
    with BagWriter(tmp_path / 'tracks.mcap') as bag:
        bag.add_topic('/surgsam2/tracks', 'surgsam2_msgs/msg/TrackArray')
        track = bag.create(
            'surgsam2_msgs/msg/TrackArray',
            header=bag.header(5, 'camera'),
            image_width=8,
            image_height=6,
            session=1,
            frame_index=3,
            dropped_since_last=0,
            latency_ms=1.0,
            latency_is_from_arrival=False,
            inference_ms=2.0,
            model='nano',
            tracks=[],
        )
        bag.write_message('/surgsam2/tracks', 5, track)
    with BagReader(tmp_path / 'tracks.mcap') as reader:
        text, digest = reader.definition('surgsam2_msgs/msg/TrackArray')
        message = next(reader.messages())
        assert peek_header(message.data) == (5, 'camera')
        assert reader.deserialize(message).frame_index == 3
    assert 'MSG: surgsam2_msgs/Track' in text
    assert 'MSG: sensor_msgs/RegionOfInterest' in text
    assert digest.startswith('RIHS01_')


def test_a_bag_is_kept_when_writing_is_interrupted(tmp_path):
    with pytest.raises(ZeroDivisionError), BagWriter(tmp_path / 'a.mcap') as bag:
        bag.write_image('/a', picture(0), stamp_ns=1, frame_id='', encoding='rgb8')
        raise ZeroDivisionError
    with open_source(tmp_path / 'a.mcap') as source:
        assert len(source) == 1


def test_existing_files_are_replaced_only_when_asked(tmp_path):
    path = write_bag(tmp_path / 'scene.mcap', 2)
    with pytest.raises(SourceError, match='exists already'):
        BagWriter(path)
    write_bag(path, 3, overwrite=True)
    with open_source(path) as source:
        assert len(source) == 3


def test_a_folder_that_is_no_bag_is_never_replaced(tmp_path):
    (tmp_path / 'notes').mkdir()
    (tmp_path / 'notes' / 'thesis.txt').write_text('years of work')
    with pytest.raises(SourceError, match='no bag'):
        BagWriter(tmp_path / 'notes', overwrite=True)
    assert (tmp_path / 'notes' / 'thesis.txt').exists()


def test_an_unknown_type_cannot_be_written_without_definition(tmp_path):
    with (
        BagWriter(tmp_path / 'a.mcap') as bag,
        pytest.raises(UnknownTypeError, match='nowhere/msg'),
    ):
        bag.write('/a', 'nowhere/msg/Thing', 0, b'\x00\x01\x00\x00')


def test_a_closed_writer_refuses_messages(tmp_path):
    bag = BagWriter(tmp_path / 'a.mcap')
    bag.close()
    with pytest.raises(SourceError, match='closed'):
        bag.write_image('/a', picture(0), stamp_ns=1, frame_id='', encoding='rgb8')


# Several files, missing and contradicting metadata


def split_bag(tmp_path: Path, suffix: str) -> Path:
    """Make a bag of two files, whose names sort against their times, without metadata."""
    folder = tmp_path / 'split'
    folder.mkdir()
    write_bag(folder / f'b{suffix}', 3, first=0)
    write_bag(folder / f'a{suffix}', 3, first=3)
    return folder


@pytest.mark.parametrize('suffix', ['.mcap', '.db3'])
def test_split_files_without_metadata_are_read_in_the_order_of_time(tmp_path, suffix):
    with open_source(split_bag(tmp_path, suffix)) as source:
        assert len(source) == 6
        assert [frame.rgb[0, 0, 0] for frame in source] == [0, 20, 40, 60, 80, 100]


def test_messages_are_read_whatever_qos_the_metadata_states(tmp_path):
    path = write_bag(tmp_path / 'scene', storage='mcap')
    metadata = path / 'metadata.yaml'
    text = metadata.read_text()
    assert 'offered_qos_profiles: ' in text
    qos = '"- history: 3\\n  depth: 0\\n  reliability: 1\\n  durability: 2"'
    metadata.write_text(text.replace("offered_qos_profiles: ''", f'offered_qos_profiles: {qos}'))
    with open_source(path) as source:
        assert len(list(source)) == 5


@pytest.mark.parametrize('mode', [CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_zstd_compression_of_files_and_of_messages_is_undone(tmp_path, mode, storage):
    plain = write_bag(tmp_path / 'plain.mcap')
    writer = Writer(tmp_path / 'packed', version=8, storage_plugin=storage)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with BagReader(plain) as reader, writer:
        text, digest = reader.definition('sensor_msgs/msg/Image')
        topic = writer.add_connection(IMAGE, 'sensor_msgs/msg/Image', msgdef=text, rihs01=digest)
        for message in reader.messages():
            writer.write(topic, message.stamp_ns, message.data)
    with open_source(tmp_path / 'packed') as source:
        assert [frame.rgb[0, 0, 0] for frame in source] == [0, 20, 40, 60, 80]


# Bad input


def test_errors_of_a_missing_bag_and_of_an_empty_folder(tmp_path):
    with pytest.raises(SourceError, match='does not exist'):
        BagReader(tmp_path / 'nothing.mcap')
    with pytest.raises(SourceError, match='holds no bag'):
        BagReader(tmp_path)


@pytest.mark.parametrize('suffix', ['.mcap', '.db3'])
@pytest.mark.parametrize('share', [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_is_refused_with_a_remedy(tmp_path, suffix, share):
    path = write_bag(tmp_path / f'scene{suffix}', 12)
    content = path.read_bytes()
    path.write_bytes(content[: round(share * len(content))])
    with pytest.raises(SourceError, match=r'empty|damaged or truncated') as caught:  # noqa: SIM117
        with open_source(path) as source:
            list(source)
    assert str(path) in str(caught.value)
    if share:
        assert 'recover' in str(caught.value)


def test_damage_within_a_file_is_noticed(tmp_path):
    path = write_bag(tmp_path / 'scene', storage='sqlite3')
    (path / 'metadata.yaml').write_text('rosbag2_bagfile_information: [1, 2]')
    with pytest.raises(SourceError, match=r'delete .*metadata\.yaml'):
        BagReader(path)


def test_a_listed_file_that_is_missing_is_named(tmp_path):
    path = write_bag(tmp_path / 'scene')
    (path / 'scene.mcap').rename(path / 'other.mcap')
    with pytest.raises(SourceError, match=r'lacks scene\.mcap'):
        BagReader(path)


def test_a_bag_without_images_lists_its_topics(shared_data):
    folder = 'rosbag2_official/rosbag2_py_test_resources/mcap/talker'
    with pytest.raises(SourceError, match=r'no image topic.*/topic \(std_msgs/msg/String, 10\)'):
        open_source(shared_data(folder))


def test_several_image_topics_are_listed_and_one_must_be_chosen(tmp_path):
    with BagWriter(tmp_path / 'stereo.mcap') as bag:
        for topic in ('/left', '/right'):
            bag.write_image(topic, picture(1), stamp_ns=1, frame_id='', encoding='rgb8')
    with pytest.raises(SourceError, match=r'several image topics.*/left .*/right'):
        open_source(tmp_path / 'stereo.mcap')
    with open_source(tmp_path / 'stereo.mcap', topic='/right') as source:
        assert len(source) == 1
    with pytest.raises(SourceError, match=r'no topic /middle; it has /left'):
        open_source(tmp_path / 'stereo.mcap', topic='/middle')


def test_a_ros1_bag_is_refused_with_the_command_that_converts_it(tmp_path):
    (tmp_path / 'old.bag').write_bytes(b'#ROSBAG V2.0\n')
    with pytest.raises(SourceError, match='rosbags-convert'):
        open_source(tmp_path / 'old.bag')


def test_an_image_that_cannot_be_decoded_is_named(tmp_path):
    with BagWriter(tmp_path / 'a.mcap') as bag:
        bag.write_compressed_image('/a', b'no', stamp_ns=1, frame_id='', image_format='jpeg')
    with (
        open_source(tmp_path / 'a.mcap') as source,
        pytest.raises(SourceError, match='image 0 of /a'),
    ):
        list(source)


def test_a_recording_that_was_never_closed_is_refused(tmp_path):
    path = write_bag(tmp_path / 'scene.db3')
    (tmp_path / 'scene.db3-wal').write_bytes(b'the newest messages')
    with pytest.raises(SourceError, match=r'was not closed.*wal_checkpoint'):
        BagReader(path)


def test_an_mcap_file_of_another_world_is_refused(tmp_path):
    path = write_bag(tmp_path / 'scene.mcap')
    path.write_bytes(path.read_bytes().replace(b'ros2', b'ros1', 1))
    with pytest.raises(SourceError, match='no ROS 2 recording'):
        BagReader(path)


# Recorded by others


def official_bags(root: Path) -> list[Path]:
    suffixes = ('.mcap', '.db3')
    return sorted({p.parent for p in root.rglob('*') if p.suffix in suffixes})


def test_official_bags_are_read_completely_or_refused_for_their_format(shared_data):
    bags = official_bags(shared_data('rosbag2_official'))
    assert len(bags) >= 9
    for path in bags:
        if path.name == 'wrong_rmw_test':
            with pytest.raises(SourceError, match=r"serialised as 'wrong_format'.*only 'cdr'"):
                BagReader(path)
            continue
        with BagReader(path) as reader:
            stamps = [message.stamp_ns for message in reader.messages()]
            assert len(stamps) == reader.message_count > 0, path
            assert stamps == sorted(stamps), path
            assert sum(topic.count for topic in reader.topics.values()) == len(stamps), path
            for name, topic in reader.topics.items():
                assert sum(1 for _ in reader.messages([name])) == topic.count, (path, name)


def test_official_messages_are_deserialised_without_embedded_definitions(shared_data):
    folder = shared_data('rosbag2_official/rosbag2_py_test_resources/sqlite3/talker')
    with BagReader(folder) as reader:
        first = reader.deserialize(next(reader.messages(['/topic'])))
    assert first.data.startswith('Hello')


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_official_bags_without_metadata_are_complete(shared_data, storage):
    name = f'rosbag2_official/rosbag2_py_test_resources/{storage}/reindex_test_bags'
    with BagReader(shared_data(name) / 'multiple_files') as reader:
        assert len(reader.files) == 3
        assert sum(1 for _ in reader.messages()) == 3177


def test_a_bag_of_another_writer_gives_images_and_truth(shared_data):
    path = shared_data('bags/two_tools.mcap')
    with open_source(path, topic='/endoscope/left/image_raw/compressed') as source:
        assert len(source) == 48
        assert source.rate_hz == pytest.approx(15)
        frame = next(iter(source))
        assert frame.rgb.shape == (512, 640, 3)
        assert frame.frame_id == 'endoscope_left_optical'
    with BagReader(path) as reader:
        labels = list(read_labels(reader, '/endoscope/left/ground_truth'))
    assert [stamp for stamp, _ in labels] == list(source.stamps)
    assert set(np.unique(labels[0][1])) == {0, 1, 2}


def test_a_copy_of_a_bag_is_the_same_byte_for_byte(tmp_path):
    with BagReader(write_recorded_bag(tmp_path / 'recorded.mcap')) as reader:
        with BagWriter(tmp_path / 'copy') as bag:
            for topic in reader.topics.values():
                definition = reader.definition(topic.type_name)
                bag.add_topic(topic.name, topic.type_name, definition=definition)
            for message in reader.messages():
                bag.write(message.topic, message.type_name, message.stamp_ns, message.data)
        with BagReader(tmp_path / 'copy') as copy:
            assert list(copy.messages()) == list(reader.messages())
    shutil.rmtree(tmp_path / 'copy')
