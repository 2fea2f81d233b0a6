"""The page's look: Gradio's own variables, set once. What they cannot say is in `assets/page.css`."""

import gradio as gr

_PAPER = gr.themes.Color(
    "#faf9f7", "#f4f2ee", "#e9e5de", "#d8d2c7", "#a8a093", "#6f685d", "#575047", "#423d36", "#2a2723", "#1c1a17",
    "#121110", name="paper",
)  # fmt: skip
_PINE = gr.themes.Color(
    "#edfaf6", "#d2f2e8", "#a6e4d3", "#6fd0b9", "#38b49b", "#159880", "#0b7a68", "#0a6255", "#0b4e45", "#0c403a",
    "#032622", name="pine",
)  # fmt: skip
_SURFACE, _SURFACE_DARK = "#ffffff", "#1d1b19"
_FIELD, _FIELD_DARK = "#faf9f7", "#262320"
_LINE, _LINE_DARK = "#e6e1d9", "#37332e"
_TEXT, _TEXT_DARK = "#1c1a17", "#f2efea"
_QUIET, _QUIET_DARK = "#655e54", "#b3aba0"


def create_theme() -> gr.themes.Base:
    """Return the theme: paper and ink with one green accent, in light and dark."""
    theme = gr.themes.Base(
        primary_hue=_PINE,
        secondary_hue=_PINE,
        neutral_hue=_PAPER,
        radius_size="lg",
        spacing_size="md",
        text_size="md",
        font=[gr.themes.LocalFont("IBM Plex Sans", weights=(400, 700)), "ui-sans-serif", "system-ui", "sans-serif"],
        font_mono=[gr.themes.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"],
    )
    theme.set(
        body_background_fill="#f6f4f0",
        body_background_fill_dark="#131210",
        body_text_color=_TEXT,
        body_text_color_dark=_TEXT_DARK,
        body_text_color_subdued=_QUIET,
        body_text_color_subdued_dark=_QUIET_DARK,
        background_fill_primary=_SURFACE,
        background_fill_primary_dark=_SURFACE_DARK,
        background_fill_secondary=_FIELD,
        background_fill_secondary_dark=_FIELD_DARK,
        border_color_primary=_LINE,
        border_color_primary_dark=_LINE_DARK,
        border_color_accent="#159880",
        border_color_accent_dark="#38b49b",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_padding="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_label_text_color=_QUIET,
        block_label_text_color_dark=_QUIET_DARK,
        block_title_text_color=_TEXT,
        block_title_text_color_dark=_TEXT_DARK,
        block_title_text_weight="400",
        block_info_text_color=_QUIET,
        block_info_text_color_dark=_QUIET_DARK,
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        input_background_fill=_FIELD,
        input_background_fill_dark=_FIELD_DARK,
        input_background_fill_focus=_SURFACE,
        input_background_fill_focus_dark=_FIELD_DARK,
        input_border_color=_LINE,
        input_border_color_dark=_LINE_DARK,
        input_border_color_focus="#159880",
        input_border_color_focus_dark="#38b49b",
        input_border_width="1px",
        input_placeholder_color="#756d62",
        input_placeholder_color_dark="#a1988c",
        slider_color="#0b7a68",
        slider_color_dark="#38b49b",
        checkbox_background_color_selected="#0b7a68",
        checkbox_background_color_selected_dark="#159880",
        checkbox_border_color_selected="#0b7a68",
        checkbox_border_color_selected_dark="#159880",
        button_large_radius="14px",
        button_large_text_weight="700",
        button_primary_background_fill="#0b7a68",
        button_primary_background_fill_hover="#0a6255",
        button_primary_background_fill_dark="#38b49b",
        button_primary_background_fill_hover_dark="#6fd0b9",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#06201c",
        button_secondary_background_fill=_SURFACE,
        button_secondary_background_fill_hover="#f4f2ee",
        button_secondary_background_fill_dark=_FIELD_DARK,
        button_secondary_background_fill_hover_dark="#322e2a",
        button_secondary_border_color="#d8d2c7",
        button_secondary_border_color_dark="#4a453e",
        button_secondary_text_color=_TEXT,
        button_secondary_text_color_dark=_TEXT_DARK,
        button_border_width="1px",
        button_cancel_background_fill="transparent",
        button_cancel_background_fill_hover="#fdf0ee",
        button_cancel_background_fill_dark="transparent",
        button_cancel_background_fill_hover_dark="#3a1f1b",
        button_cancel_border_color="#c9402b",
        button_cancel_border_color_dark="#f08672",
        button_cancel_text_color="#a93220",
        button_cancel_text_color_dark="#f5a090",
        link_text_color="#0a6255",
        link_text_color_dark="#6fd0b9",
        loader_color="#159880",
    )
    return theme
