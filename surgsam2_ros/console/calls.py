# Copyright 2026 surgsam2_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Does what a page asks for, and answers with what came of it or a sentence that says why not."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

from nicegui import Client
from nicegui.events import GenericEventArguments

from surgsam2_ros.console.desk import Description, DeskError, Picture, clean_name
from surgsam2_ros.console.gestures import prompt_from_gesture
from surgsam2_ros.console.runs import encode_runs
from surgsam2_ros.console.session import Console, Session

_log = logging.getLogger(__name__)
# A preview names no instrument that exists: nothing may be changed by it.
_PREVIEWED = 'preview'


class Calls:
    """Answers the calls of one page, see `static/server.js`."""

    def __init__(self, console: Console, session: Session, client: Client) -> None:
        """Answer to `client`."""
        self.new_class = ''
        self._console, self._session, self._client = console, session, client
        self._actions = {
            'give': self._give,
            'preview': self._preview,
            'remove': self._remove,
            'describe': self._describe,
            'undo': self._undo,
        }

    async def on_call(self, event: GenericEventArguments) -> None:
        """Answer an event `operator_call`."""
        call = event.args if isinstance(event.args, dict) else {}
        number, action, content = (call.get(key) for key in ('number', 'action', 'content'))
        if not isinstance(number, int) or not isinstance(content, dict):
            return
        answer = await self.answer(str(action), content)
        self._client.run_javascript(f'operatorPage.answer({number}, {json.dumps(answer)})')

    async def answer(self, action: str, content: dict[str, Any]) -> dict[str, Any]:
        """Do something; the answer has `problem` when it could not be done."""
        do = self._actions.get(action)
        if do is None:
            return {'problem': f"this console knows no '{action[:40]}'; load the page again"}
        try:
            return await self._console.call(do, content)
        except DeskError as error:
            return {'problem': str(error)}
        except Exception:
            _log.exception('%s failed', action)
            return {'problem': 'That went wrong on the console; its log says how'}

    def _give(self, content: dict[str, Any]) -> dict[str, Any]:
        picture = self._picture(content)
        object_id, class_name = content.get('object_id'), ''
        if not object_id:
            class_name = self.new_class
            object_id = self._console.new_object_id(picture.camera, class_name)
        prompt = prompt_from_gesture(
            {**content, 'class_name': class_name}, str(object_id), picture.rgb.shape[:2]
        )
        self._console.desk.give(picture, prompt, self._session.name)
        return {'object_id': prompt.object_id}

    def _preview(self, content: dict[str, Any]) -> dict[str, Any]:
        picture = self._picture(content)
        object_id = str(content.get('object_id') or _PREVIEWED)
        prompt = prompt_from_gesture(content, object_id, picture.rgb.shape[:2])
        preview = self._console.desk.preview(picture, prompt)
        mask = base64.b64encode(encode_runs(preview.mask)).decode()
        return {'mask': mask, 'score': round(float(preview.score), 3)}

    def _remove(self, content: dict[str, Any]) -> dict[str, Any]:
        self._console.desk.remove(*self._named(content), self._session.name)
        return {}

    def _describe(self, content: dict[str, Any]) -> dict[str, Any]:
        name, class_name, locked = (content.get(key) for key in ('name', 'class_name', 'locked'))
        if name is not None:
            name = clean_name(name)
            if not name:
                raise DeskError('a name needs at least one letter')
        description = Description(
            name,
            None if class_name is None else clean_name(class_name),
            None if locked is None else bool(locked),
        )
        self._console.desk.describe(*self._named(content), description, self._session.name)
        return {}

    def _undo(self, content: dict[str, Any]) -> dict[str, Any]:
        return {'done': self._console.desk.undo(self._camera(content), self._session.name)}

    def _picture(self, content: dict[str, Any]) -> Picture:
        return self._session.picture(content.get('camera'), content.get('serial'))

    def _camera(self, content: dict[str, Any]) -> str:
        camera = content.get('camera')
        if camera not in self._console.desk.cameras:
            raise DeskError(f"there is no camera '{str(camera)[:60]}'; load the page again")
        return camera

    def _named(self, content: dict[str, Any]) -> tuple[str, str]:
        return self._camera(content), str(content.get('object_id'))
