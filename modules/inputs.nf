// What the user named, as an option of check.py, and the files that it will open for that; nothing for null
//   ["--model '/data/model'", [/data/model]]
def named(option, path) {
    def found = path ? file("${path}", glob: false) : null
    return found ? ["--${option} ${quote(found)}", found.exists() ? [found] : []] : ['', []]
}

// What changes as soon as a file in one of the folders does, '' without folders: Nextflow takes a folder's own time
def stateOf(folders) {
    def files = []
    folders.findAll { path -> path.isDirectory() }.each { folder ->
        folder.eachFileRecurse { path -> files.add("${path} ${path.size()} ${path.lastModified()}") }
    }
    return files ? files.sort().join('\n').md5() : ''
}

//   ["--input '/data/samplesheet.csv'", [/data/samplesheet.csv, /data/ad0.nii.gz, …]]
//   ["--input '/data/ds'", [/data/ds/dataset_description.json, /data/ds/sub-01/anat/sub-01_T1w.nii.gz, …]]
def namedSheet(path) {
    def sheet = file("${path}", glob: false)
    if (sheet.isDirectory()) {
        return ["--input ${quote(sheet)}", filesOfDataset(sheet)]
    }
    return sheet.isFile() ? ["--input ${quote(sheet)}", [sheet] + imagesIn(sheet.text, sheet.parent)] : ['', []]
}

// A path, or JSON
//   ["--scan '{"image": "ad0.nii.gz", "label": 5}' --base '/data'", [/data/ad0.nii.gz]]
def namedScan(text, base) {
    def line = "${text}".replaceAll(/[\r\n]+/, ' ').trim()
    def json = line ==~ /[\[{"].*/ ? line : groovy.json.JsonOutput.toJson(line)
    return ["--scan ${quote(line)} --base ${quote(base)}", imagesIn(json, base)]
}

// The volumes that a sheet, CSV or JSON alike, names and that exist, with the other halves of pairs; folders may be of
// DICOM. A cell within quotes may hold commas
def imagesIn(text, folder) {
    def cells = text.findAll(/"((?:[^"\\]|\\.|"")*)"|([^,"\t\r\n]+)/) { _all, quoted, bare -> unescaped(quoted ?: bare) }
    // What check.py will refuse for what a shell could make of it is not staged
    def paths = cells.findAll { cell -> cell ==~ /[^'"`\\*?\[\]{}$]+/ }.collect { name -> folder.resolve(name) }
    def files = paths.findAll { path -> path.name ==~ /(?i).+\.(nii(\.gz)?|hdr|img|mgz|mgh)/ && path.isFile() }
    def folders = paths.findAll { path -> path.isDirectory() && !folder.normalize().startsWith(path.normalize()) }
    return (files.collectMany { path -> [filesOf(path)].flatten() } + folders).unique()
}

// What a volume is read from: its file, the folder of its DICOM series, or [/data/ad0.hdr, /data/ad0.img]
def filesOf(path) {
    def volume = file("${path}", glob: false)
    def suffix = volume.name.find(/(?i)\.(hdr|img)$/)
    if (!suffix) {
        return volume
    }
    def stem = "${volume}" - ~/(?i)\.(hdr|img)$/
    return ['.hdr', '.img', '.HDR', '.IMG'].collect { half -> file(stem + half, glob: false) }.findAll { half -> half.isFile() }
}

// As the shell names the volume that was staged into a folder, by its header where it is a pair
def staged(folder, volume) {
    return volume instanceof List && volume.size() > 1 ? "${folder}/*.[hH][dD][rR]" : "${folder}/*"
}

// A string of JSON without its escapes; of CSV, whose paths hold no backslash, as it is. Blanks around either are those that
// check.py strips, no-break ones, too
def unescaped(cell) {
    def plain = cell.replaceAll(/\\u([0-9a-fA-F]{4})/) { _all, digits -> "${Integer.parseInt(digits, 16) as char}" }
    return plain.replace('\\/', '/').replaceAll('(?U)^[\\s\\x1c-\\x1f]+|[\\s\\x1c-\\x1f]+$', '')
}

// What check.py reads of a BIDS dataset
def filesOfDataset(root) {
    def found = ['dataset_description.json', 'participants.tsv', '.bidsignore'].collect { name -> root.resolve(name) }
    root.eachDirMatch(~/sub-.*/) { subject ->
        subject.eachFileRecurse { path ->
            if (path.name ==~ /(?i).*_(T1w\.nii(\.gz)?|sessions\.tsv)/) {
                found.add(path)
            }
        }
    }
    return found.findAll { path -> path.isFile() }.sort()
}

// The rows of a sheet in its normal form, once it has passed
def rowsOf(sheets, passed) {
    return sheets.combine(passed).flatMap { sheet, _passed -> sheet.splitCsv(header: true, quote: '"') }
}

// What makes a scan's tasks: not whether it is a control, which other rows decide. Of a folder of DICOM its files, too
def metaOf(row) {
    def state = stateOf([file(row.image, glob: false)])
    return row.subMap('subject', 'label', 'split') + [id: row.scan] + (state ? [state: state] : [:])
}

// Text of the user's own as one word of a shell command
def quote(text) {
    return "'" + text.toString().replace("'", "'\\''") + "'"
}

// True when nothing is wrong: `given` files by parameter are there, and check.py found no problem. Otherwise ends the
// run with all of it, a line each
def passed(problems, given) {
    def missing = given.findAll { _name, path -> path && !file("${path}", glob: false).exists() }
    def lines = missing.collect { name, path -> "parameter ${name}: '${path}' does not exist; give a path from ${launchDir}" }
    if (lines + problems.readLines()) {
        error((lines + problems.readLines()).join('\n'))
    }
    return true
}
