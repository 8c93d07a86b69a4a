# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The page's drawings: each a shape of its own, so that none needs its colour to be understood."""

from __future__ import annotations

from surgsam2_ros.tracking.states import TrackState

LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#10181f"/>'
    '<circle cx="16" cy="16" r="8" fill="none" stroke="#56b4e9" stroke-width="2.5"/>'
    '<circle cx="16" cy="16" r="2.5" fill="#56b4e9"/>'
    '<path d="M16 3v6M16 23v6M3 16h6M23 16h6" stroke="#dbe6ee" stroke-width="2.5" '
    'stroke-linecap="round"/></svg>'
)

# Lines on a square of 24, drawn in the colour of the text.
_LINES = {
    'prompt': '<circle cx="12" cy="12" r="8.5"/><path d="M12 8v8M8 12h8"/>',
    'off': '<rect x="4" y="4" width="16" height="16" rx="1.5"/><path d="M8 12h8"/>',
    'brush': '<path d="M20 4l-9.5 9.5M14 4.5L19.5 10M10.5 13.5c-3-1-5 .8-5 3.5 0 1.5-1 2.5-2.5 3 '
    '4.5 1 8.5 0 9-3 .3-1.5-.3-2.7-1.5-3.5z"/>',
    'eraser': '<path d="M9 20h11M4.5 15.5l9-10a1.5 1.5 0 0 1 2.2 0l4 4a1.5 1.5 0 0 1 0 '
    '2.2L12 20H8.5l-4-3.2a1 1 0 0 1 0-1.3zM9 10.5l6 6"/>',
    'move': '<path d="M12 3v18M3 12h18M9.5 5.5L12 3l2.5 2.5M9.5 18.5L12 21l2.5-2.5'
    'M5.5 9.5L3 12l2.5 2.5M18.5 9.5L21 12l-2.5 2.5"/>',
    'freeze': '<path d="M9 5v14M15 5v14" stroke-width="3"/>',
    'undo': '<path d="M8 5L4 9l4 4M4.5 9H14a5.5 5.5 0 0 1 0 11h-4"/>',
    'fit': '<path d="M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5"/>',
    'zoom_in': '<circle cx="10.5" cy="10.5" r="6.5"/>'
    '<path d="M15.5 15.5L21 21M10.5 8v5M8 10.5h5"/>',
    'zoom_out': '<circle cx="10.5" cy="10.5" r="6.5"/><path d="M15.5 15.5L21 21M8 10.5h5"/>',
    'fullscreen': '<path d="M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7"/>',
    'theme': '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>',
    'help': '<circle cx="12" cy="12" r="9"/><path d="M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 '
    '.8-1 1.7M12 16.8v.2"/>',
    'drop': '<path d="M6 6l12 12M18 6L6 18"/>',
    'send': '<path d="M4.5 12.5l5 5L19.5 7" stroke-width="2.4"/>',
    'smaller': '<path d="M6 12h12"/>',
    'larger': '<path d="M6 12h12M12 6v12"/>',
    'add': '<path d="M5 12h14M12 5v14"/>',
    'lock': '<rect x="5" y="11" width="14" height="9" rx="1.5"/>'
    '<path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
    'unlock': '<rect x="5" y="11" width="14" height="9" rx="1.5"/>'
    '<path d="M8 11V7.5a4 4 0 0 1 7.7-1.5"/>',
    'remove': '<path d="M4 7h16M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5"/>',
    'overlay': '<rect x="3.5" y="5" width="17" height="14" rx="1.5"/>'
    '<path d="M8 15l8-6 1.5 3-7 4.5z" fill="currentColor"/>',
    'outlines': '<rect x="3.5" y="5" width="17" height="14" rx="1.5"/>'
    '<path d="M8 15l8-6 1.5 3-7 4.5z"/>',
    'labels': '<rect x="3.5" y="5" width="17" height="14" rx="1.5" fill="currentColor"/>'
    '<path d="M8 15l8-6 1.5 3-7 4.5z" fill="var(--panel)" stroke="none"/>',
    'first': '<path d="M6 5v14M18 5l-8 7 8 7"/>',
    'last': '<path d="M18 5v14M6 5l8 7-8 7"/>',
    'ten_back': '<path d="M12 5l-7 7 7 7M19 5l-7 7 7 7"/>',
    'ten_on': '<path d="M5 5l7 7-7 7M12 5l7 7-7 7"/>',
    'one_back': '<path d="M15 5l-7 7 7 7"/>',
    'one_on': '<path d="M9 5l7 7-7 7"/>',
    'uncertain_back': '<path d="M13 4l8 15H8zM13.5 10v4M13.5 16.5v.2M6 8l-3 4 3 4"/>',
    'uncertain_on': '<path d="M11 4l8 15H3zM10.5 10v4M10.5 16.5v.2M19 8l3 4-3 4"/>',
    'carry_back': '<path d="M20 6v12l-8-6zM12 6v12l-8-6z"/>',
    'carry_on': '<path d="M4 6v12l8-6zM12 6v12l8-6z"/>',
    'stop': '<rect x="6" y="6" width="12" height="12" rx="1.5"/>',
    'begin': '<path d="M14 5H8v14h6M12 12h8"/>',
    'end': '<path d="M10 5h6v14h-6M12 12H4"/>',
    'clear': '<path d="M9 6h11v12H9l-5-6zM12 9.5l5 5M17 9.5l-5 5"/>',
    'export': '<path d="M12 15V4M8 8l4-4 4 4M5 14v6h14v-6"/>',
    'none': '<rect x="3.5" y="5" width="17" height="14" rx="1.5"/><path d="M4 19L20 5"/>',
}

_STATES = {
    TrackState.TENTATIVE: '<circle cx="12" cy="12" r="8" stroke-dasharray="3.5 3"/>',
    TrackState.TRACKED: '<circle cx="12" cy="12" r="9" fill="currentColor"/>'
    '<path d="M7.5 12.5l3 3 6-6.5" stroke="var(--panel)" stroke-width="2.5"/>',
    TrackState.OCCLUDED: '<circle cx="12" cy="12" r="9"/>'
    '<path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor"/>',
    TrackState.LOST: '<rect x="4" y="4" width="16" height="16" rx="2"/>'
    '<path d="M8.5 8.5l7 7M15.5 8.5l-7 7"/>',
    TrackState.UNCERTAIN: '<path d="M12 3.5L22 20.5H2z" fill="currentColor"/>'
    '<path d="M12 10v4.5M12 17.3v.2" stroke="var(--panel)" stroke-width="2.2"/>',
}


def icon(name: str) -> str:
    """Return a drawing as SVG."""
    return _svg(_LINES[name])


def state_icon(state: TrackState) -> str:
    """Return the sign of a state as SVG."""
    return _svg(_STATES[state])


def _svg(content: str) -> str:
    return (
        '<svg class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">'
        f'{content}</svg>'
    )
