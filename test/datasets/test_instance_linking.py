# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Objects of one class keep their numbers from frame to frame."""

from __future__ import annotations

import numpy as np

from surgsam2_ros.datasets.instance_linking import InstanceLinker, RawLabels

SIZE = (100, 200)


def squares(*places, side=20):
    mask = np.zeros(SIZE, bool)
    for row, column in places:
        mask[row : row + side, column : column + side] = True
    return mask


def link(linker, *places, name='grasper', labels=None):
    labels = np.zeros(SIZE, np.uint8) if labels is None else labels
    return linker.link(RawLabels(labels, {name: squares(*places)}))


def test_each_region_is_an_object():
    labels = link(InstanceLinker(), (10, 10), (10, 100))
    assert labels[20, 20] != labels[20, 110]
    assert set(np.unique(labels)) == {0, 1, 2}
    assert np.array_equal(labels > 0, squares((10, 10), (10, 100)))


def test_an_object_keeps_its_id_where_it_overlaps_itself():
    linker = InstanceLinker()
    first = link(linker, (10, 10), (10, 100))
    second = link(linker, (22, 18), (10, 90))
    assert second[30, 30] == first[20, 20]
    assert second[20, 100] == first[20, 110]


def test_an_object_that_jumped_is_found_again_near_by():
    linker = InstanceLinker()
    first = link(linker, (10, 10), (10, 170))
    second = link(linker, (40, 20), (10, 170))
    assert second[50, 30] == first[20, 20]


def test_an_object_that_appears_far_away_is_another_one():
    linker = InstanceLinker()
    first = link(linker, (10, 0))
    second = link(linker, (70, 170))
    assert second[80, 180] not in (0, first[20, 10])
    assert linker.classes == {1: 'grasper', 2: 'grasper'}


def test_an_object_that_left_gets_its_id_back():
    linker = InstanceLinker()
    first = link(linker, (10, 10), (10, 100))
    link(linker, (10, 100))
    third = link(linker, (10, 12), (10, 100))
    assert third[20, 20] == first[20, 20]


def test_objects_that_touch_are_divided_between_their_last_places():
    linker = InstanceLinker()
    first = link(linker, (10, 10), (10, 60))
    second = link(linker, (10, 26), (10, 44))  # one region now
    assert second[20, 28] == first[20, 20]
    assert second[20, 62] == first[20, 70]
    assert np.array_equal(second > 0, squares((10, 26), (10, 44)))


def test_an_object_in_the_last_place_of_another_stays_itself():
    linker = InstanceLinker()
    first = link(linker, (10, 10), (10, 40))
    second = link(linker, (10, 22), (10, 52))
    assert (second[10:30, 22:42] == first[20, 20]).all()
    assert (second[10:30, 52:72] == first[20, 50]).all()


def test_the_pieces_of_an_object_behind_another_are_one_object():
    linker = InstanceLinker()
    linker.link(RawLabels(np.zeros(SIZE, np.uint8), {'grasper': squares((10, 10), side=60)}))
    mask = squares((10, 10), side=60)
    mask[30:40] = False
    labels = linker.link(RawLabels(np.zeros(SIZE, np.uint8), {'grasper': mask}))
    assert set(np.unique(labels)) == {0, 1}


def test_classes_do_not_share_ids():
    linker = InstanceLinker()
    masks = {'grasper': squares((10, 10)), 'scissors': squares((10, 100))}
    labels = linker.link(RawLabels(np.zeros(SIZE, np.uint8), masks))
    assert linker.classes[labels[20, 20]] == 'grasper'
    assert linker.classes[labels[20, 110]] == 'scissors'


def test_pixels_that_are_known_stay_as_they_are():
    known = np.zeros(SIZE, np.uint8)
    known[15, 15] = 11
    labels = link(InstanceLinker(), (10, 10), labels=known)
    assert labels[15, 15] == 11
    assert labels[16, 16] == 1


def test_specks_make_no_objects_of_their_own():
    mask = squares((10, 10))
    mask[90, 190] = True
    linker = InstanceLinker()
    linker.link(RawLabels(np.zeros(SIZE, np.uint8), {'grasper': mask}))
    assert linker.classes == {1: 'grasper'}


def test_a_complete_list_of_objects_does_not_grow():
    linker = InstanceLinker({4: 'grasper'}, complete=True)
    link(linker, (10, 0))
    labels = link(linker, (70, 170), (70, 100))
    assert linker.classes == {4: 'grasper'}
    assert set(np.unique(labels)) == {0, 4}


def test_a_class_that_a_complete_list_lacks_gets_an_object():
    linker = InstanceLinker({1: 'grasper'}, complete=True)
    labels = link(linker, (10, 0), name='scissors')
    assert linker.classes == {1: 'grasper', 2: 'scissors'}
    assert labels[20, 10] == 2


def test_regions_beyond_the_ids_there_are_join_another_object_and_are_counted():
    linker = InstanceLinker(ids=(1,))
    labels = link(linker, (10, 0), (70, 170))
    assert set(np.unique(labels)) == {0, 1}
    assert linker.crowded == 1


def test_frames_numbered_before_are_gone_on_from():
    begun = InstanceLinker()
    first = link(begun, (10, 10), (10, 100))
    resumed = InstanceLinker(begun.classes)
    resumed.observe(first)
    assert np.array_equal(link(resumed, (22, 18), (10, 90)), link(begun, (22, 18), (10, 90)))
