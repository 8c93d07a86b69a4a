# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service of `~/tracks` and of the image topic: what is asked for and what comes of it.

A robot's safety depends on these two, so users can override their policies (`qos_overrides`), and
every event that the middleware reports is counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, QoSProfile, qos_policy_name_from_kind
from rclpy.qos_overriding_options import QoSOverridingOptions

from surgsam2_ros.nodes.messages.qos import qos_profile, tracks_profile
from surgsam2_ros.nodes.tracker.health.quality_counts import QualityCounts
from surgsam2_ros.nodes.tracker.parameters import InputParameters, OutputParameters
from surgsam2_ros.streaming.frame_slot import EVERY_FRAME

OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)
"""Policies that users may override; deadline and liveliness of `~/tracks` are parameters."""
SHOWN_S = 5.0  # a missed deadline is a warning for this long


class TopicQuality:
    """Makes the profiles of the two topics, and counts what the middleware says about them.

    Args:
        warn: receives a sentence when somebody cannot be connected to, or liveliness was lost.
        clock: monotonic seconds.
    """

    def __init__(
        self, warn: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._warn = warn
        self._clock = clock
        self._overridden: dict[str, tuple[QoSPolicyKind, ...]] = {}
        self._missed = self._lost = 0
        self._missed_at = self._lost_at = float('-inf')
        self._deadline_ms = 0.0
        # By topic: how many there were, and the sentence about the last.
        self._subscribers: tuple[int, str] = (0, '')
        self._publishers: tuple[int, str] = (0, '')

    def tracks(self, node: Node, topic: str, settings: OutputParameters) -> dict[str, Any]:
        """Return the arguments that make the publisher of `~/tracks`; counts begin anew."""
        self._subscribers = (0, '')
        self._deadline_ms = settings.deadline_ms
        self.reset()
        profile = tracks_profile(settings.deadline_ms, settings.liveliness_lease_ms)
        return {
            'qos_profile': profile,
            'qos_overriding_options': self._overrides(node.resolve_topic_name(topic), profile),
            'event_callbacks': PublisherEventCallbacks(
                deadline=self._missed_deadline,
                liveliness=self._lost_liveliness,
                incompatible_qos=lambda event: self._met_subscriber(topic, event),
            ),
        }

    def images(self, node: Node, topic: str, settings: InputParameters) -> dict[str, Any]:
        """Return the arguments that make the subscription to images; their counts begin anew."""
        self._publishers = (0, '')
        topic = node.resolve_topic_name(topic)
        profile = qos_profile(
            settings.qos, settings.queue_size if settings.policy == EVERY_FRAME else 1
        )
        return {
            'qos_profile': profile,
            'qos_overriding_options': self._overrides(topic, profile),
            'event_callbacks': SubscriptionEventCallbacks(
                incompatible_qos=lambda event: self._met_publisher(topic, event)
            ),
        }

    def reset(self) -> None:
        """Count deadlines and lost liveliness from zero, as on activation."""
        self._missed = self._lost = 0
        self._missed_at = self._lost_at = float('-inf')

    @property
    def counts(self) -> QualityCounts:
        """What happened so far."""
        return QualityCounts(
            deadlines_missed=self._missed,
            liveliness_lost=self._lost,
            incompatible_subscribers=self._subscribers[0],
            incompatible_publishers=self._publishers[0],
            warnings=tuple(self._warnings()),
        )

    def _warnings(self) -> list[str]:
        warnings = [text for _, text in (self._subscribers, self._publishers) if text]
        if self._clock() - self._missed_at <= SHOWN_S:
            warnings.append(
                f'results came later than the deadline offered on ~/tracks, {self._missed} times '
                f'since activation (output.deadline_ms {self._deadline_ms:g}); check the camera, '
                'the rate and the latency'
            )
        if self._clock() - self._lost_at <= SHOWN_S:
            warnings.append(f'liveliness of ~/tracks was lost {self._lost} times since activation')
        return warnings

    def _missed_deadline(self, event: Any) -> None:
        self._missed += event.total_count_change
        self._missed_at = self._clock()

    def _lost_liveliness(self, event: Any) -> None:
        self._lost += event.total_count_change
        self._lost_at = self._clock()
        self._warn(
            'liveliness of ~/tracks was lost: the tracker showed no life for longer than '
            'output.liveliness_lease_ms, which must exceed the time of the slowest image'
        )

    def _met_subscriber(self, topic: str, event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        text = (
            f'a subscriber of {topic} asks for a {policy} that is not offered, and receives '
            'nothing; docs/supervision.md says what can be asked for'
        )
        self._subscribers = (self._subscribers[0] + event.total_count_change, text)
        self._warn(text)

    def _met_publisher(self, topic: str, event: Any) -> None:
        policy = qos_policy_name_from_kind(event.last_policy_kind)
        text = (
            f'a publisher of {topic} offers another {policy} than is asked for, and nothing comes '
            'from it; set input.qos to SENSOR_DATA, or override the policy (qos_overrides)'
        )
        self._publishers = (self._publishers[0] + event.total_count_change, text)
        self._warn(text)

    def _overrides(self, topic: str, profile: QoSProfile) -> QoSOverridingOptions:
        """Have users override policies.

        The parameters of overrides are declared once, with the values of that time as defaults. So
        that these do not override what another configuration asks for, later on only those
        policies count whose values were changed the first time.
        """
        kinds = self._overridden.get(topic, OVERRIDABLE)
        asked = {kind: getattr(profile, kind.name.lower()) for kind in kinds}

        def note(overridden: QoSProfile) -> SetParametersResult:
            self._overridden[topic] = tuple(
                kind for kind in kinds if getattr(overridden, kind.name.lower()) != asked[kind]
            )
            return SetParametersResult(successful=True)

        return QoSOverridingOptions(kinds, callback=note)
