# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""report.html: complete, self-contained, and shown by a real browser without a complaint."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from evaluation_fixtures import a_run, a_video, an_object, write_clips, write_example_run
from page_checks import Outline, show

from surgsam2_ros.evaluation.records import read_run, read_video, write_run, write_video
from surgsam2_ros.evaluation.reports import write_reports
from surgsam2_ros.evaluation.reports.formatting import quantity, signed
from surgsam2_ros.evaluation.reports.markup import element
from surgsam2_ros.evaluation.reports.report_page import MOST_CHARTS, OPEN_CHARTS
from surgsam2_ros.evaluation.reports.time_charts import histogram, timeline
from surgsam2_ros.evaluation.reports.track_chart import COLUMNS, track_chart


@pytest.fixture(scope='module')
def run(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp('page')
    data = write_clips(root / 'data')
    output = write_example_run(
        root / 'run', data, through=('tracker', 'node'), failed='broken_bag', shift=0.5
    )
    write_reports(output)
    return output


@pytest.fixture(scope='module')
def outline(run) -> Outline:
    return Outline((run / 'report.html').read_text(encoding='utf-8'))


def test_page_asks_nothing_of_the_network(outline):
    for tag, attributes in outline.elements:
        source = attributes.get('src') or attributes.get('href') or ''
        assert source.startswith(('data:', '#')) or not source, (tag, source)
    policy = [a['content'] for t, a in outline.elements if t == 'meta' and 'http-equiv' in a]
    assert policy and policy[0].startswith("default-src 'none'; img-src data:")


def test_links_lead_to_places_on_the_page(outline):
    places = {attributes.get('id') for _, attributes in outline.elements}
    links = [a['href'][1:] for tag, a in outline.elements if tag == 'a']
    assert links and set(links) <= places


def test_a_video_without_a_chart_has_no_link(tmp_path):
    names = [f'long operation {number} #{number}' for number in range(MOST_CHARTS + 2)]
    write_run(tmp_path, a_run(*names))
    for name in names:
        write_video(tmp_path, a_video(an_object([1.0, 0.5, 0.4, 1.0]), name=name))
    write_reports(tmp_path)
    page = Outline((tmp_path / 'report.html').read_text(encoding='utf-8'))
    places = {attributes.get('id') for _, attributes in page.elements}
    links = [a['href'][1:] for tag, a in page.elements if tag == 'a']
    videos = [link for link in links if link.startswith('video-')]
    assert len(videos) == MOST_CHARTS and set(links) <= places
    assert not any(' ' in place for place in places if place)
    assert f'The {MOST_CHARTS} worst of {len(names)} videos' in page.text


def test_page_names_the_failed_video_with_its_error(outline):
    assert 'broken_bag (tracker and node): clip_x.mcap is truncated' in outline.text


def test_page_names_warnings(outline):
    assert 'clip_0 (tracker and node): stamps 3 and 4 are equal' in outline.text


def test_page_gives_command_model_versions_and_hardware(outline, run):
    record = read_run(run)
    for text in (record.command, record.model['sha256'], 'test bench', '3.11'):
        assert text in outline.text


def test_summary_is_on_the_page(outline, run):
    summary = json.loads((run / 'summary.json').read_text())
    for side in ('tracker', 'node'):
        for key in ('J&F', 'J', 'F', 'Dice', 'CIoU'):
            assert f'{summary[side][key]:.3f}' in outline.text


def test_every_dropped_frame_of_every_object_has_a_stroke(run):
    records = {side: read_video(run, side, 'clip_1') for side in ('tracker', 'node')}
    chart = Outline(track_chart(records))
    strokes = [path['d'].count('M') for path in chart.having('dropped')]
    assert strokes == [len(records['node'].dropped)] * len(records['node'].objects)


def test_every_prompt_has_a_mark():
    entry = an_object([1.0] * 6)
    entry.prompted = [True, False, False, True, False, False]
    assert len(Outline(track_chart({'tracker': a_video(entry)})).having('prompt')) == 2


def test_a_chart_shows_gaps_where_no_result_came():
    entry = an_object([1.0, 0.9, None, 0.8, 0.7])
    (line,) = Outline(track_chart({'tracker': a_video(entry)})).having('line')
    assert line['d'] == 'M0 1000L1 900M3 800L4 700'


def test_a_result_between_gaps_is_a_dot():
    entry = an_object([1.0, 0.9, None, 0.8, None, 0.7, 0.7])
    (dots,) = Outline(track_chart({'tracker': a_video(entry)})).having('alone')
    assert dots['d'] == 'M3 800h0'


def test_every_absence_is_a_band():
    entry = an_object([1.0] * 7, truth=[9, 0, 0, 9, 9, 0, 9])
    assert len(Outline(track_chart({'tracker': a_video(entry)})).having('absent')) == 2


def test_a_long_video_keeps_an_absence_of_one_frame():
    truth = [9] * 20_000
    truth[12_345] = 0
    chart = track_chart({'tracker': a_video(an_object([0.9] * 20_000, truth=truth))})
    assert len(Outline(chart).having('absent')) == 1


def test_a_long_video_keeps_its_worst_frame():
    iou = [0.9] * 20_000
    iou[12_345] = 0.01
    chart = track_chart({'tracker': a_video(an_object(iou))})
    data = json.loads(re.search(r'<script[^>]*>(.*?)</script>', chart)[1])
    values = data['series'][0]['values']
    assert len(values) == COLUMNS
    assert values.count(1) == 1 and data['frames'] == 20_000
    assert len(chart) < 10_000


def test_a_column_of_a_long_video_has_the_state_of_its_worst_frame():
    entry = an_object([0.9] * COLUMNS * 5)
    entry.state[5:10] = ['TRACKED', 'TENTATIVE', 'TRACKED', 'TRACKED', 'TRACKED']
    entry.state[10:15] = ['TENTATIVE', 'UNCERTAIN', 'TRACKED', 'TRACKED', 'TENTATIVE']
    entry.state[15:20] = ['UNCERTAIN', 'OCCLUDED', 'UNCERTAIN', 'TRACKED', 'TRACKED']
    chart = track_chart({'tracker': a_video(entry)})
    data = json.loads(re.search(r'<script[^>]*>(.*?)</script>', chart)[1])
    states = [data['words'][letter] for letter in data['series'][0]['states'][:5]]
    assert states == ['tracked', 'tentative', 'uncertain', 'occluded', 'tracked']
    assert len(Outline(chart).having('UNCERTAIN')) == 1


def test_names_cannot_become_markup(tmp_path):
    name = '<img src=x onerror=alert(1)>'
    entry = an_object([1.0, 0.5, 0.4, 1.0])
    entry.name = '</script><script>alert(2)</script>'
    write_run(tmp_path, a_run('video'))
    write_video(tmp_path, a_video(entry, name='video', warnings=[name]))
    write_reports(tmp_path)
    page = (tmp_path / 'report.html').read_text()
    assert name in Outline(page).text
    assert 'alert(1)>' not in page and '</script><script>alert' not in page


def test_a_report_without_its_images_says_so(tmp_path):
    data = write_clips(tmp_path / 'data', videos=1)
    output = write_example_run(tmp_path / 'run', data)
    shutil.rmtree(data)
    write_reports(output)
    text = Outline((output / 'report.html').read_text()).text
    assert 'Not every picture could be made' in text and 'does not exist' in text


def test_histogram_counts_every_duration():
    chart = Outline(histogram([10.0, 10.4, 11.0, 12.0, 90.0], 'latency'))
    assert chart.having('bar') and 'p50 11' in chart.text


def test_timeline_breaks_nothing_without_results():
    chart = Outline(timeline([None, 5.0, None], [True, False, True], 't'))
    (strokes,) = chart.having('dropped')
    assert strokes['d'].count('M') == 2


def test_equal_durations_make_a_histogram():
    assert Outline(histogram([33.0] * 5, 'latency')).having('bar')


def test_numbers_are_written_for_people():
    assert signed(-0.0213) == '−0.021' and signed(0.00001) == '0' and signed(None) == '–'
    assert quantity(1234.5, 'ms') == '1,234 ms' and quantity(0.256) == '0.26'
    assert element('b', 'a<b', title='"') == '<b title="&#34;">a&lt;b</b>'


@pytest.mark.parametrize('width', [1280, 480])
def test_a_browser_shows_everything_without_a_complaint(run, width):
    found = show(run / 'report.html', width)
    assert found['images'] > 0 and found['broken'] == 0
    assert found['requested'] == []
    assert found['console'] == []
    assert found['flat'] == 0
    assert found['tips'] == found['charts'] > 0
    assert found['wide'] <= 0, 'the page must not scroll sideways'


def test_the_pointer_reads_frames_overlaps_and_states_off_a_chart(tmp_path):
    iou = [0.9] * 1200
    iou[486], iou[487] = None, 0.2
    record = a_video(an_object(iou), name='long', through='node', dropped=[486])
    write_run(tmp_path, a_run('long'))
    write_video(tmp_path, record)
    write_reports(tmp_path)
    (told,) = show(tmp_path / 'report.html')['told']
    # Under the middle of the drawing lies column 162 of 400, of the frames 486 to 488.
    assert told.splitlines() == ['frames 486 to 488, worst', '1 0.20 tracked, some dropped']


def test_a_link_to_a_folded_video_unfolds_it(tmp_path):
    names = [f'v{number}' for number in range(OPEN_CHARTS + 3)]
    write_run(tmp_path, a_run(*names))
    for name in names:
        write_video(tmp_path, a_video(an_object([1.0, 0.5, 0.4, 1.0]), name=name))
    write_reports(tmp_path)
    unfolded = [f'video-{number}' for number in range(OPEN_CHARTS)]
    assert show(tmp_path / 'report.html')['open'] == unfolded
    wanted = f'video-{OPEN_CHARTS + 1}'
    assert show(tmp_path / 'report.html', place=wanted)['open'] == [*unfolded, wanted]


def test_the_look_with_a_browser_sees_what_is_wrong(tmp_path):
    page = tmp_path / 'wrong.html'
    page.write_text(
        '<!DOCTYPE html><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="img-src data:"><body><section>'
        '<img src="data:image/png;base64,AAAA"><img src="http://127.0.0.1:9/outside.png">'
        '<div style="width:3000px">wide</div><svg style="height:0"></svg>'
        '</section><script>console.error("bad")</script></body>'
    )
    found = show(page)
    assert found['broken'] == 2 and found['flat'] == 1 and found['wide'] > 1000
    assert any('outside.png' in line for line in found['console'])
    assert any('bad' in line for line in found['console'])
