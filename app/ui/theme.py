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


# Gradio's variables, in light and in dark.
_LIGHT_AND_DARK = {
    "body_background_fill": ("#f6f4f0", "#131210"),
    "body_text_color": (_TEXT, _TEXT_DARK),
    "body_text_color_subdued": (_QUIET, _QUIET_DARK),
    "background_fill_primary": (_SURFACE, _SURFACE_DARK),
    "background_fill_secondary": (_FIELD, _FIELD_DARK),
    "border_color_primary": (_LINE, _LINE_DARK),
    "border_color_accent": ("#159880", "#38b49b"),
    "block_label_text_color": (_QUIET, _QUIET_DARK),
    "block_title_text_color": (_TEXT, _TEXT_DARK),
    "block_info_text_color": (_QUIET, _QUIET_DARK),
    "input_background_fill": (_FIELD, _FIELD_DARK),
    "input_background_fill_focus": (_SURFACE, _FIELD_DARK),
    "input_border_color": (_LINE, _LINE_DARK),
    "input_border_color_focus": ("#159880", "#38b49b"),
    "input_placeholder_color": ("#756d62", "#a1988c"),
    "slider_color": ("#0b7a68", "#38b49b"),
    "checkbox_border_color": (_QUIET, _QUIET_DARK),
    "checkbox_background_color_selected": ("#0b7a68", "#159880"),
    "checkbox_border_color_selected": ("#0b7a68", "#159880"),
    "button_primary_background_fill": ("#0b7a68", "#38b49b"),
    "button_primary_background_fill_hover": ("#0a6255", "#6fd0b9"),
    "button_primary_text_color": ("#ffffff", "#06201c"),
    "button_secondary_background_fill": (_SURFACE, _FIELD_DARK),
    "button_secondary_background_fill_hover": ("#f4f2ee", "#322e2a"),
    "button_secondary_border_color": ("#d8d2c7", "#4a453e"),
    "button_secondary_text_color": (_TEXT, _TEXT_DARK),
    "button_cancel_background_fill_hover": ("#fdf0ee", "#3a1f1b"),
    "button_cancel_border_color": ("#c9402b", "#f08672"),
    "button_cancel_text_color": ("#a93220", "#f5a090"),
    "link_text_color": ("#0a6255", "#6fd0b9"),
    "block_background_fill": ("transparent", "transparent"),
    "block_border_width": ("0px", "0px"),
    "block_shadow": ("none", "none"),
    "panel_background_fill": ("transparent", "transparent"),
    "button_cancel_background_fill": ("transparent", "transparent"),
}
_REST = {
    "block_padding": "0px",
    "block_title_text_weight": "400",
    "input_border_width": "1px",
    "button_large_radius": "14px",
    "button_large_text_weight": "700",
    "button_border_width": "1px",
    "loader_color": "#159880",
}


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
    light = {name: value for name, (value, _) in _LIGHT_AND_DARK.items()}
    dark = {f"{name}_dark": value for name, (_, value) in _LIGHT_AND_DARK.items()}
    theme.set(**light, **dark, **_REST)
    return theme
