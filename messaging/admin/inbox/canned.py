"""Canned replies."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from broadcast.core.admin import ConsoleAdmin, display, page_link
from broadcast.core.merge import TemplateError, compile_template
from messaging.admin.inbound import excerpt
from messaging.models import CannedReply


class CannedReplyForm(forms.ModelForm[CannedReply]):
    """A text whose merge fields can be filled in."""

    class Meta:
        model = CannedReply
        fields = ("account", "name", "text")

    def clean_text(self) -> str:
        """Refuse what cannot be filled in for anybody."""
        text = str(self.cleaned_data["text"])
        try:
            compile_template(text)
        except TemplateError as error:
            raise forms.ValidationError(str(error), code="bad_template") from None
        return text


@admin.register(CannedReply)
class CannedReplyAdmin(ConsoleAdmin[CannedReply]):
    """Texts that staff answer with often."""

    form = CannedReplyForm
    ordering = ("name", "id")
    list_display = ("name", "display_text", "display_account")
    list_filter = (("account", AutocompleteSelectFilter),)
    list_select_related = ("account",)
    search_fields = ("name", "text")
    autocomplete_fields = ("account",)
    fieldsets = ((None, {"fields": ("name", "account", "text")}),)

    @display(description="Text")
    def display_text(self, canned: CannedReply) -> str:
        """The beginning."""
        return excerpt(canned.text)

    @display(description="Account", ordering="account__name")
    def display_account(self, canned: CannedReply) -> Any:
        """Whose it is."""
        return page_link(canned.account) if canned.account else "All accounts"
