"""Actions that a person confirms on a page of their own: nothing is done on GET, and the object is looked up again on POST.

unfold's own actions run as soon as their link is opened, which a browser that fetches links ahead would do as well.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant


class ActionRefused(Exception):
    """An action cannot be done; the text says why and what to do next."""


class ConfirmForm(forms.Form):
    """The form of a confirmation page. Subclasses add fields and may use ``target``."""

    def __init__(self, *args: Any, target: Model, **kwargs: Any) -> None:
        self.target: Any = target
        super().__init__(*args, **kwargs)


#: What an action does; returns a sentence that says what was done, or that and the object whose page comes next.
Act = Callable[[Any, HttpRequest, Any, Any], "str | tuple[str, Model]"]


def confirmed_action(
    description: str,
    *,
    permission: str,
    button: str,
    question: str = "",
    context: Callable[[Any, HttpRequest, Any], dict[str, Any]] | None = None,
    template: str = "console/confirm.html",
    form_class: type[ConfirmForm] = ConfirmForm,
    errors: tuple[type[Exception], ...] = (),
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[Act], Any]:
    """An action of a change page or a row, with a confirmation page.

    The decorated method takes the request, the object and the valid form, and returns what was done, in a sentence. It may
    raise ``ActionRefused`` or one of ``errors``; their text is then shown.

    Args:
        description: the link's text.
        permission: ``app.codename``; checked for the page and again for the act.
        button: the text of the button that does it.
        question: a sentence over the button; may hold ``{object}``.
        context: more for the template, computed afresh each time the page is shown; ``problems`` in it, a list of
            texts, takes the button away.
        template: the page; extends ``console/confirm.html``.
        form_class: asks for more than a yes.
        errors: exceptions whose text is for people.
        icon: name of a Material symbol.
        variant: colour of link and button.
    """

    expected: tuple[type[Exception], ...] = (ActionRefused, *errors)

    def decorator(act: Act) -> Any:
        @wraps(act)
        def view(admin: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            if request.method not in ("GET", "POST"):
                return HttpResponseNotAllowed(["GET", "POST"])
            target = admin.get_object(request, unquote(object_id))
            if target is None:
                raise Http404(f"There is no such {admin.opts.verbose_name} any more.")
            if not (request.user.has_perm(permission) and admin.has_view_permission(request, target)):
                raise PermissionDenied
            form = form_class(request.POST if request.method == "POST" else None, target=target)
            if request.method == "POST" and form.is_valid():
                following = target
                try:
                    done = act(admin, request, target, form)
                except expected as error:
                    messages.error(request, str(error))
                else:
                    text, following = done if isinstance(done, tuple) else (done, target)
                    messages.success(request, text)
                    admin.log_change(request, target, text)
                name = f"admin:{admin.opts.app_label}_{admin.opts.model_name}_change"
                return HttpResponseRedirect(reverse(name, args=[following.pk]))
            page = {
                **admin.admin_site.each_context(request),
                "title": description.rstrip("…"),
                "heading": f"{description.rstrip('…')}: {target}",
                "opts": admin.opts,
                "target": target,
                "question": question.format(object=target),
                "button": button,
                "button_variant": "danger" if variant is ActionVariant.DANGER else "primary",
                "form": form,
                "media": admin.media + form.media,
                **(context(admin, request, target) if context else {}),
            }
            return TemplateResponse(request, template, page)

        options = {
            "description": description,
            "permissions": [permission],
            "variant": variant,
            "url_path": act.__name__,
        }
        return action(**options, icon=icon or None)(view)

    return decorator


def link_action(description: str, *, permission: str, icon: str = "") -> Callable[[Callable[..., HttpResponse]], Any]:
    """An action that opens a page which does nothing on GET.

    Args:
        description: the link's text.
        permission: ``app.codename``.
        icon: name of a Material symbol.
    """

    def decorator(view: Callable[..., HttpResponse]) -> Any:
        return action(description=description, permissions=[permission], icon=icon or None, url_path=view.__name__)(
            view
        )

    return decorator
