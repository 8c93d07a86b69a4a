// Copyright 2026 surgsam2_ros contributors
// SPDX-License-Identifier: Apache-2.0
// A line of text: what the server says of it waits while somebody types.

export default {
  template: '<input type="text" autocomplete="off" spellcheck="false" @focus="begin" @blur="end">',
  props: { value: String },
  mounted() { this.restore(); },
  watch: { value() { if (document.activeElement !== this.$el) this.restore(); } },
  methods: {
    begin() { this.before = this.$el.value; },
    end() { if (this.$el.value === this.before) this.restore(); },
    restore() { this.$el.value = this.value ?? ''; },
  },
};
