# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Fills report.html: summary, failures, videos, states, times, worst frames, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from surgsam2_ros.evaluation.promise import BROKEN_BELOW, GOOD_FROM
from surgsam2_ros.evaluation.records import RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.columns import (
    BASELINES,
    FOUND_OBJECTS,
    FOUND_VIDEOS,
    OBJECTS,
    VIDEOS,
    Column,
    cells,
)
from surgsam2_ros.evaluation.reports.definitions import definitions
from surgsam2_ros.evaluation.reports.flat_values import flattened
from surgsam2_ros.evaluation.reports.formatting import fraction, percent, plural
from surgsam2_ros.evaluation.reports.pages import fill
from surgsam2_ros.evaluation.reports.promise_section import (
    judged_promises,
    reliability_chart,
    threshold_sentence,
)
from surgsam2_ros.evaluation.reports.summary_table import summary_rows, tiles
from surgsam2_ros.evaluation.reports.time_charts import histogram, timeline
from surgsam2_ros.evaluation.reports.track_chart import chart_legend, track_chart
from surgsam2_ros.evaluation.reports.worst_frames import FramePicture

MOST_CHARTS = 60
OPEN_CHARTS = 12


def report_page(
    run: RunRecord,
    summary: Mapping[str, Any],
    videos: Mapping[str, Sequence[VideoRecord]],
    pictures: Sequence[FramePicture],
    picture_problems: Sequence[str] = (),
) -> str:
    """Return the page.

    Args:
        run: the run.
        summary: see `summarise`.
        videos: records by what they went through.
        pictures: the worst frames.
        picture_problems: why some of them could not be drawn.
    """
    sides = [side for side in ('tracker', 'node') if summary.get(side, {}).get('videos')]
    charts = _charts(summary, videos)
    shown = list(charts)[:MOST_CHARTS]
    places = {name: f'video-{place}' for place, name in enumerate(shown)}
    scores = _scores(summary)
    video_columns, object_columns = _columns(summary, sides)
    return fill(
        'report.html',
        run=run,
        summary=summary,
        sides=sides,
        facts=_facts(run, summary, sides),
        failures=_grouped(summary['failed'], 'error'),
        warnings=_grouped(summary['warnings'], 'warning'),
        tiles=tiles(summary, sides),
        halves=summary_rows(summary, sides),
        baseline_head=('Followed by', *(column.title for column in BASELINES)),
        baseline_rows=_baseline_rows(summary, sides),
        prompted=not any(summary[side]['discovery'] for side in sides),
        video_head=('Video', 'J&F', *(column.title for column in video_columns)),
        video_rows=_video_rows(summary, sides, places, video_columns),
        object_head=('Video', 'Object', *(column.title for column in object_columns)),
        object_rows=_object_rows(summary, sides, object_columns),
        legend=chart_legend(any(len(charts[name]) > 1 for name in shown)),
        charts=[
            {
                'name': name,
                'place': places[name],
                'scores': scores[name][1],
                'drawing': track_chart(charts[name], summary['skip_ends']),
            }
            for name in shown
        ],
        open_charts=OPEN_CHARTS,
        videos_with_charts=len(charts),
        broken_below=BROKEN_BELOW,
        good_from=GOOD_FROM,
        promises=_promises(summary, sides),
        times=_times(videos),
        node_timed=bool(_evaluated(videos, 'node')),
        tracker_timed=bool(_evaluated(videos, 'tracker')),
        pictures=pictures,
        picture_problems=picture_problems,
        definitions=definitions(summary),
        made_with=_made_with(run),
    )


def _facts(run: RunRecord, summary: Mapping[str, Any], sides: Sequence[str]) -> list[str]:
    """Say in a few words what was run."""
    model, prompt = run.model.get('name', ''), run.settings.get('prompt', '')
    counted = summary[sides[-1]] if sides else {'videos': 0, 'objects': 0, 'frames': 0}
    facts = [
        f'{model} through the {" and the ".join(sides)}' if sides else model,
        f'prompt: {prompt}' if prompt else '',
        ', '.join(plural(counted[f'{noun}s'], noun) for noun in ('video', 'object', 'frame')),
        run.started.replace('T', ' ').split('.')[0].replace('+00:00', ' UTC'),
    ]
    return [fact for fact in facts if fact]


def _made_with(run: RunRecord) -> dict[str, dict[str, Any]]:
    """Return everything that decides the results; what is not set is left out."""
    boxes = {
        'Settings': run.settings,
        'Model': run.model,
        'Versions': run.versions,
        'Hardware': run.hardware,
    }
    return {
        title: {k: v for k, v in flattened(values).items() if v not in (None, '', [])}
        for title, values in boxes.items()
        if values
    }


def _grouped(entries: Sequence[Mapping[str, str]], key: str) -> list[tuple[str, str, str]]:
    """List what was said of videos; what tracker and node have in common once."""
    said: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        said.setdefault((entry['video'], entry[key]), []).append(entry['through'])
    return [(video, ' and '.join(sides), text) for (video, text), sides in said.items()]


def _baseline_rows(summary: Mapping[str, Any], sides: Sequence[str]) -> list[list[str]]:
    """Put trackers without learning beside the network; nothing where none was evaluated."""
    baselines = summary['baselines']
    if not baselines:
        return []
    network = summary['model'].get('name', 'the network')
    entries = {f'{network}, through the {side}': summary[side] for side in sides} | baselines
    return [[name, *cells(BASELINES, entry)] for name, entry in entries.items()]


def _columns(
    summary: Mapping[str, Any], sides: Sequence[str]
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return the columns of the tables of videos and of objects."""
    if any(summary[side]['discovery'] for side in sides):
        return FOUND_VIDEOS, (*OBJECTS, *FOUND_OBJECTS)
    return VIDEOS, OBJECTS


def _video_rows(
    summary: Mapping[str, Any],
    sides: Sequence[str],
    places: Mapping[str, str],
    columns: Sequence[Column],
) -> dict[str, list[dict[str, Any]]]:
    rows = {
        side: [
            {
                'name': video['video'],
                'place': places.get(video['video']),
                'score': video['J&F'],
                'cells': cells(columns, {**video, 'objects': len(video['by_object'])}),
            }
            for video in summary[side]['by_video']
        ]
        for side in sides
    }
    return {side: entries for side, entries in rows.items() if entries}


def _object_rows(
    summary: Mapping[str, Any], sides: Sequence[str], columns: Sequence[Column]
) -> dict[str, list[list[str]]]:
    rows = {
        side: [
            [video['video'], f'{entry["object"]} {entry["name"]}'.strip(), *cells(columns, entry)]
            for video in summary[side]['by_video']
            for entry in video['by_object']
        ]
        for side in sides
    }
    return {side: entries for side, entries in rows.items() if entries}


def _promises(summary: Mapping[str, Any], sides: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            'side': side,
            'sentence': threshold_sentence(judged),
            'chart': reliability_chart(judged['reliability']),
            'sweep': [
                (
                    f'{entry["min_quality"]:.2f}',
                    f'{entry["tracked"]:,}',
                    percent(entry['broken_share']),
                    percent(entry['kept_share']),
                )
                for entry in judged['sweep']
            ],
        }
        for side, judged in judged_promises(summary, sides).items()
    ]


def _charts(
    summary: Mapping[str, Any], videos: Mapping[str, Sequence[VideoRecord]]
) -> dict[str, dict[str, VideoRecord]]:
    """Return the records of the videos that can be drawn, by name, the worst video first."""
    records: dict[str, dict[str, VideoRecord]] = {}
    for side, entries in videos.items():
        for record in entries:
            if record.error is None and record.objects:
                records.setdefault(record.video, {})[side] = record
    score = _scores(summary)
    return {name: records[name] for name in sorted(records, key=lambda name: score[name][0])}


def _scores(summary: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """J&F to sort videos by, and what to write beside their names."""
    scores: dict[str, tuple[float, str]] = {}
    for side in ('tracker', 'node'):
        for video in summary.get(side, {}).get('by_video', []):
            text = f'{side} J&F {fraction(video["J&F"])}'
            if video['dropped']:
                text += f', {video["dropped"]} of {video["frames"]} frames dropped'
            value = 1.0 if video['J&F'] is None else video['J&F']
            known = scores.get(video['video'])
            scores[video['video']] = (
                min(value, known[0]) if known else value,
                f'{known[1]}; {text}' if known else text,
            )
    return scores


def _evaluated(videos: Mapping[str, Sequence[VideoRecord]], side: str) -> list[VideoRecord]:
    return [record for record in videos.get(side, []) if record.error is None]


def _times(videos: Mapping[str, Sequence[VideoRecord]]) -> list[tuple[Markup, Markup]]:
    """Draw latencies of the node, and how long the network took, in the order of the videos."""
    charts = []
    node, tracker = _evaluated(videos, 'node'), _evaluated(videos, 'tracker')
    for records, name, title in (
        (node, 'latency_ms', 'Latency, image to result'),
        (node, 'inference_ms', 'Time of the tracker inside the node'),
        (tracker, 'inference_ms', 'Time of the tracker alone'),
    ):
        times = [time for record in records for time in getattr(record, name) or []]
        known = [time for time in times if time is not None]
        if not known:
            continue
        dropped = [
            index in lost
            for record in records
            for lost in (set(record.dropped),)
            for index in range(len(getattr(record, name) or []))
        ]
        charts.append(
            (
                histogram(known, f'{title}: how often [ms]'),
                timeline(times, dropped, f'{title}: frame by frame [ms]'),
            )
        )
    return charts
