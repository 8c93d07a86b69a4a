# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Settings of where training clips come from: VOS folders, bags, clips that are made."""

from __future__ import annotations

from dataclasses import dataclass

from surgsam2_ros.synthesis import ALL_KINDS

MADE_TYPES = ('rendered', 'composed', 'stills')
TYPES = ('vos', 'bag', *MADE_TYPES)
SIDES = ('train', 'valid')
LARGEST_ID = 254  # 255 marks pixels that nobody labelled
SHARES = ('pieces', 'articulated', 'grey', 'hollows', 'machined', 'speckled', 'leaving', 'alike')
"""Settings of composed clips, 0 to 1, named as in `synthesis.composing.Material`."""

_ONLY_FOR = {
    'images': ('vos',),
    'annotations': ('vos',),
    'image_topic': ('bag',),
    'truth_topic': ('bag',),
    'num_clips': MADE_TYPES,
    'clip_length': MADE_TYPES,
    'kinds': ('rendered',),
    'cutouts': ('composed', 'stills'),
    'tissue': ('composed',),
    'leave_out': ('composed',),
    **dict.fromkeys(SHARES, ('composed',)),
    'hold_out': ('composed', 'stills'),
}


@dataclass(frozen=True)
class DataSource:
    """One entry of the `data` list of a training configuration.

    Attributes:
        type: 'vos', 'bag', 'rendered', 'composed' (real tools over real tissue) or 'stills'
            (labelled pictures that move).
        path: the data set folder, the bag, or the folder of rendered clips; relative to the root of
            the configuration. Rendered scenes without one are kept with the training's output. Of
            stills, a folder with frames and masks below the data root.
        weight: share of the samples that come from here, relative to the other weights.
        object_ids: ids that are trained on, 1 to 254; the others count as background. None: all.
        images, annotations: (vos) folders below the path.
        image_topic: (bag) may be left out when there is only one besides the truth.
        truth_topic: (bag) label images with the stamps of the images.
        num_clips: (rendered) clips kept on disk; 0 without a path renders each sample anew while
            training, 0 with one takes all clips that are there. (composed, stills) that many clips,
            the same in every training; 0 makes each sample anew.
        clip_length: (rendered, composed, stills) frames of a clip that is listed by num_clips;
            fresh composed clips and stills are as long as they are asked for.
        kinds: (rendered) what may make a clip difficult, see `synthesis.render_clip`; None: its
            own choice.
        cutouts: (composed, stills) folders below the data root with frames and masks, whose
            objects are cut out and moved over the tissue or, now and then, over the stills; each
            folder is drawn from equally often.
        tissue: (composed) folders below the data root with frames that show no instrument, each
            drawn from equally often.
        leave_out: (composed) names, without suffix, of tissue pictures that are not used, such as
            those that do show an instrument.
        pieces: (composed) share of the objects that are pieces of tissue instead of tools.
        articulated: (composed) share of the tools that are large, with a wrist and jaws that move.
        grey: (composed) share of the clips without colour.
        hollows: (composed) share of the clips whose tissue has regions that no light reaches.
        machined: (composed) share of the articulated tools whose metal has small faces that
            sparkle, and whose jaws may be open frames.
        speckled: (composed) share of the clips whose tissue is sharp, noisy and full of small
            reflexes, lit in the middle.
        leaving: (composed) share of the tools that leave the picture for a while.
        alike: (composed) share of the clips whose tools are one and the same tool several times.
        hold_out: (composed, stills) 'train' for all but the pictures that are held out for
            selection, 'valid' for those alone.
    """

    type: str
    path: str | None = None
    weight: float = 1.0
    object_ids: tuple[int, ...] | None = None
    images: str = 'JPEGImages'
    annotations: str = 'Annotations'
    image_topic: str | None = None
    truth_topic: str | None = None
    num_clips: int = 0
    clip_length: int = 10
    kinds: tuple[str, ...] | None = None
    cutouts: tuple[str, ...] | None = None
    tissue: tuple[str, ...] | None = None
    leave_out: tuple[str, ...] | None = None
    pieces: float = 0.0
    articulated: float = 0.0
    grey: float = 0.25
    hollows: float = 0.0
    machined: float = 0.0
    speckled: float = 0.0
    leaving: float = 0.14
    alike: float = 0.35
    hold_out: str = 'train'

    def __post_init__(self):
        """Check the values and make a tuple of the ids.

        Raises:
            ValueError: naming the value and what was expected.
        """

        def require(condition: bool, message: str) -> None:
            if not condition:
                raise ValueError(f'data source: {message}')

        require(self.type in TYPES, f'type {self.type!r} is unknown; use {", ".join(TYPES)}')
        for name, kinds in _ONLY_FOR.items():
            changed = getattr(self, name) != type(self).__dataclass_fields__[name].default
            require(
                self.type in kinds or not changed,
                f'{name} is a setting of type {" and ".join(kinds)}, this one is of type '
                f'{self.type}',
            )
        require(
            self.path is not None or self.type in ('rendered', 'composed'),
            f'type {self.type} needs a path',
        )
        require(
            self.type != 'composed' or (self.path is None and self.cutouts and self.tissue),
            'type composed needs cutouts and tissue, lists of folders below data_root, and no path',
        )
        for name in SHARES:
            share = getattr(self, name)
            require(
                _is_number(share) and 0 <= share <= 1, f'{name} {share!r} must be a share, 0 to 1'
            )
        require(
            self.hold_out in SIDES,
            f'hold_out {self.hold_out!r} is unknown; use {" or ".join(SIDES)}',
        )
        require(
            self.type != 'bag' or self.truth_topic is not None,
            f'bag {self.path} needs a truth_topic, whose label images it is trained on',
        )
        require(
            _is_number(self.weight) and 0 < self.weight < float('inf'),
            f'weight {self.weight!r} must be a number above 0',
        )
        require(
            isinstance(self.num_clips, int) and self.num_clips >= 0,
            f'num_clips {self.num_clips!r} must be at least 0',
        )
        require(
            isinstance(self.clip_length, int) and self.clip_length >= 1,
            f'clip_length {self.clip_length!r} must be at least 1',
        )
        if self.kinds is not None:
            object.__setattr__(self, 'kinds', tuple(self.kinds))
            for kind in self.kinds:
                require(kind in ALL_KINDS, f'kind {kind!r} is unknown; use {", ".join(ALL_KINDS)}')
            require(len(self.kinds) > 0, 'kinds is empty; leave it out for the usual ones')
        if self.object_ids is not None:
            ids = tuple(self.object_ids)
            require(len(ids) > 0, 'object_ids is empty; leave it out to train on all objects')
            for value in ids:
                require(
                    isinstance(value, int) and 1 <= value <= LARGEST_ID,
                    f'object id {value!r} is out of range; ids are 1 to {LARGEST_ID}',
                )
            object.__setattr__(self, 'object_ids', ids)

    @property
    def title(self) -> str:
        """What to call the source in messages."""
        return f'{self.type} {self.path or ", ".join(self.cutouts or ["scenes"])}'


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
