# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Puts report.html together: summary, failures, videos, states, times, worst frames, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from surgsam2_ros.evaluation.measures import FRAME_MEASURES
from surgsam2_ros.evaluation.records import RunRecord, VideoRecord
from surgsam2_ros.evaluation.reports.baseline_table import baseline_table
from surgsam2_ros.evaluation.reports.definitions import definitions
from surgsam2_ros.evaluation.reports.markup import (
    Markup,
    element,
    fraction,
    join,
    page,
    plural,
    quantity,
    table,
)
from surgsam2_ros.evaluation.reports.object_table import object_tables
from surgsam2_ros.evaluation.reports.promise_section import promise_section
from surgsam2_ros.evaluation.reports.provenance import provenance, subtitle
from surgsam2_ros.evaluation.reports.summary_table import summary_table, tiles
from surgsam2_ros.evaluation.reports.time_charts import histogram, timeline
from surgsam2_ros.evaluation.reports.track_chart import chart_legend, track_chart

MOST_CHARTS = 60
OPEN_CHARTS = 12
_MEASURES = tuple(measure.key for measure in FRAME_MEASURES)


def report_page(
    run: RunRecord,
    summary: Mapping[str, Any],
    videos: Mapping[str, Sequence[VideoRecord]],
    pictures: Markup,
) -> Markup:
    """Return the page.

    Args:
        run: the run.
        summary: see `summarise`.
        videos: records by what they went through.
        pictures: the worst frames, or why there are none.
    """
    sides = [side for side in ('tracker', 'node') if summary.get(side, {}).get('videos')]
    charts = _charts(summary, videos)
    places = {name: f'video-{place}' for place, name in enumerate(list(charts)[:MOST_CHARTS])}
    sections = {
        'summary': ('Summary', summary_table(summary, sides)),
        'baselines': ('Trackers without learning', baseline_table(summary, sides)),
        'videos': ('Videos', _videos(summary, sides, places)),
        'tracks': ('IoU over time', _tracks(summary, charts, places)),
        'promise': ('What the states are worth', promise_section(summary, sides)),
        'times': ('Latency' if 'node' in sides else 'Time per frame', _live(videos)),
        'worst': ('Worst frames', pictures),
        'definitions': ('What the measures mean', definitions(summary)),
        'run': ('How it was made', provenance(run)),
    }
    present = {key: value for key, value in sections.items() if value[1]}
    return page(
        f'{run.name} – evaluation',
        element(
            'header',
            element('div', 'Evaluation report', class_='eyebrow'),
            element('h1', run.name),
            subtitle(run, summary, sides),
        ),
        _failures(summary),
        tiles(summary, sides),
        element(
            'nav',
            *(element('a', title, href=f'#{key}') for key, (title, _) in present.items()),
        ),
        *(
            element('section', element('h2', title), content, id=key)
            for key, (title, content) in present.items()
        ),
        element(
            'footer',
            f'surgsam2 evaluate, surgsam2_ros {run.versions.get("surgsam2_ros", "")}. Research '
            'software, not for clinical use.',
        ),
    )


def _failures(summary: Mapping[str, Any]) -> Markup:
    failed = _grouped(summary['failed'], 'error')
    failed += [
        element('li', element('b', video), ': not evaluated yet; run the same command again')
        for video in summary['unfinished']
    ]
    warnings = _grouped(summary['warnings'], 'warning')
    parts = []
    if failed:
        title = f'{plural(len(failed), "video")} missing from the figures below'
        parts.append(_callout(title, failed, 'callout failed'))
    if warnings:
        parts.append(_callout(plural(len(warnings), 'warning'), warnings, 'callout'))
    return join(parts)


def _grouped(entries: Sequence[Mapping[str, str]], key: str) -> list[Markup]:
    """List what was said of videos; what tracker and node have in common once."""
    said: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        said.setdefault((entry['video'], entry[key]), []).append(entry['through'])
    return [
        element('li', element('b', video), f' ({" and ".join(sides)}): {text}')
        for (video, text), sides in said.items()
    ]


def _callout(title: str, lines: Sequence[Markup], class_: str) -> Markup:
    return element('div', element('h3', title), element('ul', *lines), class_=class_)


def _videos(summary: Mapping[str, Any], sides: Sequence[str], places: Mapping[str, str]) -> Markup:
    parts = []
    for side in sides:
        rows = [
            _video_row(video, places.get(video['video'])) for video in summary[side]['by_video']
        ]
        if not rows:
            continue
        if len(sides) > 1:
            parts.append(element('h3', f'Through the {side}'))
        head = ('Video', 'J&F', *_MEASURES, 'CIoU', 'HOTA', 'IDF1', 'Switches')
        head += ('Objects', 'Frames', 'Dropped')
        parts.append(table(head, rows, sortable=True))
    if not parts:
        return Markup('')
    note = 'A click on a column sorts by it; a click on a video shows its tracks.'
    return join([element('p', note, class_='note'), *parts, object_tables(summary, sides)])


def _video_row(video: Mapping[str, Any], place: str | None) -> list[str]:
    identity = video['identity']
    score = video['J&F']
    filled = None if score is None else element('i', style=f'width:{100 * score:.1f}%')
    meter = None if filled is None else element('span', filled, class_='meter')
    return [
        element('a', video['video'], href=f'#{place}') if place else video['video'],
        join([meter, fraction(score)]),
        *(fraction(video[key]) for key in (*_MEASURES, 'CIoU')),
        *(fraction(identity.get(key)) for key in ('HOTA', 'IDF1')),
        quantity(identity.get('IDSW')),
        f'{len(video["by_object"])}',
        f'{video["frames"]:,}',
        f'{video["dropped"]:,}',
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


def _tracks(
    summary: Mapping[str, Any],
    charts: Mapping[str, Mapping[str, VideoRecord]],
    places: Mapping[str, str],
) -> Markup:
    """Draw the videos that have a place on the page, the first ones unfolded."""
    if not places:
        return Markup('')
    score = _scores(summary)
    note = 'Intersection over union (J) of every object in every frame, the worst video first; '
    note += 'where an object is not in the truth, 1 says that it was not seen either.'
    if len(places) < len(charts):
        note += f' The {len(places)} worst of {len(charts)} videos; per_frame.csv has them all.'
    both = any(len(charts[name]) > 1 for name in places)
    details = [
        element(
            'details',
            element('summary', element('b', name), element('span', score[name][1])),
            track_chart(charts[name], summary['skip_ends']),
            class_='video',
            id=place,
            open=rank < OPEN_CHARTS,
        )
        for rank, (name, place) in enumerate(places.items())
    ]
    return join([element('p', note, class_='note'), chart_legend(both), *details])


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


def _live(videos: Mapping[str, Sequence[VideoRecord]]) -> Markup:
    """Draw latencies of the node, and how long the network took, in the order of the videos."""
    parts = []
    node = [record for record in videos.get('node', []) if record.error is None]
    tracker = [record for record in videos.get('tracker', []) if record.error is None]
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
        charts = (
            histogram(known, f'{title}: how often [ms]'),
            timeline(times, dropped, f'{title}: frame by frame [ms]'),
        )
        parts.append(element('div', *charts, class_='columns'))
    if not parts:
        return Markup('')
    note = 'Milliseconds per frame, all videos one after the other'
    note += '; red strokes are dropped frames.' if node else '.'
    if tracker:
        note += ' The tracker alone was timed while it took as many videos at once as --jobs says.'
    return join([element('p', note, class_='note'), *parts])
