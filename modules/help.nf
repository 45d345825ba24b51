// The parameters of nextflow_schema.json by group: name, description, choices or range, default
def helpText(schema) {
    def groups = new groovy.json.JsonSlurper().parse(schema)['$defs'].values()
    def sections = groups.collect { group ->
        ([group.title] + group.properties.collect { name, entry -> helpLine(name, entry) }).join('\n')
    }
    return (['Usage: nextflow run . --input samplesheet.csv --outdir results [-profile …] [-resume]'] + sections).join('\n\n')
}

def helpLine(name, entry) {
    def choices = entry['enum'] ? [entry['enum'].join(' | ')] : []
    def words = [minimum: 'from', exclusiveMinimum: 'above', maximum: 'to', exclusiveMaximum: 'below']
    def bounds = words.findAll { key, _word -> entry[key] != null }.collect { key, word -> "${word} ${entry[key]}" }
    def standard = entry.containsKey('default') ? ["default ${entry['default']}"] : []
    def facts = choices + (bounds ? [bounds.join(' ')] : []) + standard
    return "  --${name.padRight(22)} ${entry.description}${facts ? " [${facts.join('; ')}]" : ''}"
}
